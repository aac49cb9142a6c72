package bootloader

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Without /etc/kernel/cmdline kernel-install writes the running kernel's command
// line. The way back from a configuration that brings the file gives the entries
// the line that they had, until the machine has started with it. The line of the
// kernel that runs the test stands for the machine's.
func TestFormerOptions(t *testing.T) {
	for _, dir := range []string{"/etc/kernel", "/var/lib"} {
		ownMount(t, dir)
	}
	runs, err := runningOptions()
	if err != nil {
		t.Fatal(err)
	}
	boot, err := system.BootID()
	if err != nil {
		t.Fatal(err)
	}
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
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	former := runs + " former" // what a machine ran with that runs with another line now
	has := func(f formerOptions) { t.Helper(); do(f.write()) }
	ours := formerOptions{Options: former, Machine: system.Root("/").MachineID()}

	gets("before all", "")
	if !(Change{Came: []string{Cmdline}}).broughtCmdline() {
		t.Error("the file came, and nothing is noted")
	}
	do(noteOptions())
	gets("after a note", runs)
	do(errors.Join(os.MkdirAll(filepath.Dir(Cmdline), 0o755), os.WriteFile(Cmdline, []byte("new\n"), 0o644)))
	gets("with the file", "")
	do(os.Remove(Cmdline))

	has(ours)
	do(noteOptions()) // a run that was killed, and goes on in the next boot
	gets("on the way back", former)
	do(noteBack())
	gets("once more in that boot", former)
	do(noteOptions())
	gets("forth again in that boot, and back", former)
	if noted().Back != "" {
		t.Error("the way forth is not noted")
	}

	later := ours
	later.Back = "another boot"
	has(later)
	gets("after a boot", "")
	if _, err := os.Stat(optionsFile); err == nil {
		t.Error("the note outlives what it is for")
	}
	later.Back = boot
	has(later)
	gets("in the boot of the way back", former)

	moved := ours
	moved.Options = "root=UUID=of-another-disk ro"
	has(moved)
	gets("where the root has moved", "")
	copied := ours
	copied.Machine = "another machine"
	has(copied)
	gets("on a copy of the disk", "")
	do(noteOptions())
	gets("on a copy of the disk, after a note of its own", runs)
	do(os.WriteFile(optionsFile, []byte("{"), 0o600))
	gets("with a note that is cut off", "")
}

func TestRootOf(t *testing.T) {
	dir := t.TempDir()
	device, link := filepath.Join(dir, "sda2"), filepath.Join(dir, "root")
	if err := errors.Join(os.WriteFile(device, nil, 0o600), os.Symlink(device, link)); err != nil {
		t.Fatal(err)
	}
	for options, want := range map[string]string{
		"ro quiet":                         "",
		"root=" + link + " ro":             device,
		"root=UUID=no-such ro":             "UUID=no-such",
		"root=ZFS=rpool/ROOT/debian ro":    "ZFS=rpool/ROOT/debian",
		`root="` + device + `" ro`:         device,
		"root=/dev/a ro root=PARTUUID=x-y": "PARTUUID=x-y",
	} {
		if got := rootOf(options); got != want {
			t.Errorf("%s: %q, want %q", options, got, want)
		}
	}
}

// A command line that names the root that is mounted leads to it, however it says so.
func TestLeadsTo(t *testing.T) {
	zfs := system.Mount{Point: "/", Type: "zfs", Source: "zroot/encrypted/root"}
	disk := system.Mount{Point: "/", Type: "ext4", Source: "/dev/null"}
	for _, c := range []struct {
		root string
		m    system.Mount
		want bool
	}{
		{"ZFS=zroot/encrypted/root", zfs, true},
		{"zfs:zroot/encrypted/root", zfs, true},
		{"zfs:AUTO", zfs, true},
		{"ZFS=zroot/other", zfs, false},
		{"LABEL=root", zfs, false},
		{"/dev/null", disk, true},
		{"/dev/zero", disk, false},
		{"ZFS=zroot/encrypted/root", disk, false},
		{"UUID=nowhere", disk, false},
	} {
		if got := leadsTo(c.root, c.m); got != c.want {
			t.Errorf("root=%s on %s: %v", c.root, c.m.Source, got)
		}
	}
}
