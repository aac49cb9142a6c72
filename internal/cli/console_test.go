package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestConsoleOnATerminal talks with the console as a person does: over a
// pseudo-terminal, with the keys that edit a line.
func TestConsoleOnATerminal(t *testing.T) {
	dir := t.TempDir()
	writeTestFile(t, filepath.Join(dir, "flake.hcl"), []byte("host \"h\" { modules = [\"./h.hcl\"] }\n"))
	writeTestFile(t, filepath.Join(dir, "h.hcl"), []byte("sysctl = { \"vm.swappiness\" = 10 }\n"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := openTerminal(t)
	cmd := &exec.Cmd{
		Path: self, Args: []string{"hostctl", "console", "--flake", dir, "--host", "h"}, // TestMain makes it hostctl
		Env:   append(os.Environ(), "HOSTCTL_CACHE="+filepath.Join(dir, ".cache"), "TERM=xterm", "NO_COLOR=1"),
		Stdin: theirs, Stdout: theirs, Stderr: theirs,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	talk := &talk{t: t, terminal: ours}
	const up, left, home, end, backspace, tab, ctrlD = "\x1b[A", "\x1b[D", "\x1b[H", "\x1b[F", "\x7f", "\t", "\x04"
	for _, step := range []struct{ what, keys, answer string }{
		{"the prompt", "", "h> "},
		{"an expression", "40 + 1\r", "41\r\nh> "},
		{"a mistake, and the prompt again", "config.sysctll\r", "Did you mean \"sysctl\"?\r\n\r\nh> "},
		{"history, mended in the middle", up + left + backspace + "\r", "\"vm.swappiness\" = \"10\"\r\n}\r\nh> "},
		{"both ends of the line", "pper(\"ab\"" + home + "u" + end + ")\r", "\"AB\"\r\nh> "},
		{"an open bracket", "[1,\r", ".> "},
		{"and its end", "2]\r", "[1, 2]\r\nh> "},
		{"completion of an option's path", "config.networking.firew" + tab + "ena" + tab + "\r", "\r\nfalse\r\nh> "},
		{"completion after :explain", ":explain networking.firew" + tab + "ena" + tab + "\r", "networking.firewall.enable = false\r\n"},
	} {
		talk.expect(step.what, step.keys, step.answer)
	}
	if _, err := ours.WriteString(ctrlD); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-D on an empty line: %v", err)
	}
}

// talk is what was said on a terminal.
type talk struct {
	t        *testing.T
	terminal *os.File
	said     bytes.Buffer
}

// expect types keys and reads until the answer stands at what is new.
func (c *talk) expect(what, keys, answer string) {
	c.t.Helper()
	c.said.Reset()
	if _, err := c.terminal.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
	if err := c.terminal.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, 4096)
	for !strings.Contains(c.said.String(), answer) {
		n, err := c.terminal.Read(b)
		c.said.Write(b[:n])
		if err != nil {
			c.t.Fatalf("%s: typed %q, the console says %q and not %q: %v", what, keys, c.said.String(), answer, err)
		}
	}
}

// openTerminal makes a pseudo-terminal (pts(4)): what is written to ours is
// typed on theirs.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 200}); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}
