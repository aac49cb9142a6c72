package git

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// program is git or ssh, which know how a person logs in. Neither may see where
// hostctl was started: git takes its configuration, and with it programs to run,
// from a repository around its working directory or from its variables (git(1),
// GIT_DIR). done removes the empty folder in which the program runs.
func program(ctx context.Context, name string, args ...string) (cmd *exec.Cmd, done func(), err error) {
	dir, err := os.MkdirTemp("", "hostctl-")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot run %s: %w", name, err)
	}
	cmd = exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env, "PWD="+dir, "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	return cmd, func() { os.RemoveAll(dir) }, nil
}
