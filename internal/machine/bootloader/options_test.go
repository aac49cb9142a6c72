package bootloader

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Without /etc/kernel/cmdline kernel-install writes the running kernel's command
// line. The way back from a configuration that brings the file gives the entries
// the line that they had, until the machine has started with it.
func TestFormerOptions(t *testing.T) {
	for _, dir := range []string{"/etc/kernel", "/var/lib"} {
		ownMount(t, dir)
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		t.Fatal(err)
	}
	boot := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	entry := filepath.Join(boot, "loader/entries", strings.TrimSpace(string(machine))+"-6.1.conf")
	write(entry, "title Debian\noptions    root=LABEL=root ro  quiet\nlinux /x\n")
	write(filepath.Join(boot, "loader/entries/aaa-6.1.conf"), "options another system\n")
	gets := func(when, want string) {
		t.Helper()
		f, err := readFormerOptions()
		got := ""
		if f != nil {
			got = f.Options
		}
		if got != want || err != nil {
			t.Errorf("%s: entries get %q, %v, wanted %q", when, got, err, want)
		}
	}
	const former = "root=LABEL=root ro  quiet"
	c := Change{Came: []string{cmdline}}
	gets("before all", "")
	if c.broughtCmdline() {
		if err := noteOptions(boot, []string{"6.1"}); err != nil {
			t.Fatal(err)
		}
	}
	write(cmdline, "root=LABEL=root ro new\n")
	gets("with the file", "")
	write(entry, "options root=LABEL=root ro new\n")
	if err := noteOptions(boot, []string{"6.1"}); err != nil { // a run that was killed, and goes on
		t.Fatal(err)
	}
	if err := os.Remove(cmdline); err != nil {
		t.Fatal(err)
	}
	gets("on the way back", former)
	if err := noteBack(); err != nil {
		t.Fatal(err)
	}
	gets("once more in that boot", former)
	if err := (formerOptions{Options: former, Back: "another boot"}).write(); err != nil {
		t.Fatal(err)
	}
	gets("after a boot", "")
	if _, err := os.Stat(optionsFile); err == nil {
		t.Error("the note outlives what it is for")
	}
	id, err := system.BootID()
	if err != nil {
		t.Fatal(err)
	}
	if err := (formerOptions{Options: "older", Back: id}).write(); err != nil {
		t.Fatal(err)
	}
	if err := noteOptions(boot, []string{"6.1"}); err != nil {
		t.Fatal(err)
	}
	gets("forth again", "root=LABEL=root ro new")
}
