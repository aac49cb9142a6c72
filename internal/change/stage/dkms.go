package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildModules has DKMS build what it has for every kernel of the stage whose
// headers are there. dpkg's order decides what a package finds when it asks for
// that itself: only the newest kernel, or one without headers yet (dkms(8)).
func buildModules(ctx context.Context, log io.Writer) error {
	if _, err := os.Stat("/usr/sbin/dkms"); err != nil {
		return nil
	}
	headers, err := filepath.Glob("/usr/lib/modules/*/build/include")
	if err != nil {
		return err
	}
	for _, at := range headers {
		version := filepath.Base(filepath.Dir(filepath.Dir(at)))
		cmd := exec.CommandContext(ctx, "dkms", "autoinstall", "--kernelver", version)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return withCompiler(fmt.Errorf("cannot build the modules of DKMS for the kernel %s: %w", version, err))
		}
	}
	return nil
}

// withCompiler adds the last words of the compiler to an error: the stage in
// which DKMS keeps them is about to be thrown away.
func withCompiler(err error) error {
	const lines = 20
	logs, _ := filepath.Glob("/var/lib/dkms/*/*/build/make.log") // the pattern is right
	for _, at := range logs {
		text, readErr := os.ReadFile(at)
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		err = fmt.Errorf("%w\nthe end of %s:\n%s", err, at, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return err
}
