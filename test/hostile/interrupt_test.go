package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// After Ctrl-C, the prompt is back within a second, whatever is evaluated, and
// hostctl prints nothing else. The test gives a slow machine three seconds.
func TestInterrupted(t *testing.T) {
	for name, module := range map[string]string{
		"a call":  "file \"/etc/x\" { content = jsonencode([for i in range(1000) : sort([for j in range(1000) : \"x${j * i}\"])]) }\n",
		"parsing": "x = [\n" + strings.Repeat("  { a = 1, b = \"cccccccccccc\" },\n", 20_000) + "]\n",
		"loops":   users(3000, `${length([for u in config.user : u.name if u.name == "u1"])}`),
		"users":   users(10_000, "one"),
	} {
		dir := folder(t)
		put(t, filepath.Join(dir, "flake.hcl"), plainFlake)
		put(t, filepath.Join(dir, "a.hcl"), module)
		var said bytes.Buffer
		cmd := exec.Command(program(t), "eval", "--host", "h", "--flake", dir)
		cmd.Stderr = &said
		must(t, cmd.Start())
		time.Sleep(time.Second / 2)
		pressed := time.Now()
		must(t, cmd.Process.Signal(os.Interrupt))
		err := cmd.Wait()
		took := time.Since(pressed)
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 || said.String() != "cancelled\n" {
			t.Errorf("%s: it ends with %v and says %q", name, err, said.String())
		}
		if took > 3*time.Second {
			t.Errorf("%s: it ends %s later", name, took)
		}
		t.Logf("%s: %s", name, took)
	}
}

func users(n int, comment string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "user \"u%d\" { comment = \"%s\" }\n", i, comment)
	}
	return b.String()
}
