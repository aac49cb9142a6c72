package bootloader

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What the loader starts is another image than the one that was looked into where
// a run was killed between the two; another system's copies are none of that.
func TestStaleCopies(t *testing.T) {
	ownMount(t, "/boot")
	boot := t.TempDir()
	for path, size := range map[string]int{
		imagePrefix + "6.1": 10, boot + "/aaa/6.1/initrd.img-6.1": 10, boot + "/bbb/6.1/initrd.img-6.1": 11,
		imagePrefix + "6.2": 10, boot + "/aaa/6.2/initrd.img-6.2": 9,
		imagePrefix + "6.3":              10,
		boot + "/aaa/6.4/initrd.img-6.4": 10,
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, make([]byte, size), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	stale, err := staleCopies(boot, []string{"6.1", "6.2", "6.3", "6.4"})
	if err != nil || !slices.Equal(stale, []string{"6.2"}) {
		t.Errorf("stale are %v, %v", stale, err)
	}
}

// The entries of a kernel are found by its version, which has a + in Debian, and
// with the counter that an entry has at first.
func TestEntriesOf(t *testing.T) {
	boot := t.TempDir()
	entries := filepath.Join(boot, "loader/entries")
	if err := os.MkdirAll(entries, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"aaa-6.12.57+deb13-amd64", "aaa-6.12.74+deb13-amd64+3", "aaa-6.12.74+deb13-amd64+2-1", "aaa-6.12.74+deb13-rt-amd64", "aaa-6.1.0-40-amd64+1", "bbb-6.12.57+deb13-amd64",
	} {
		if err := os.WriteFile(filepath.Join(entries, name+".conf"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[string][]string{
		"6.12.57+deb13-amd64":    {"aaa-6.12.57+deb13-amd64", "bbb-6.12.57+deb13-amd64"},
		"6.12.74+deb13-amd64":    {"aaa-6.12.74+deb13-amd64+2-1", "aaa-6.12.74+deb13-amd64+3"},
		"6.12.74+deb13-rt-amd64": {"aaa-6.12.74+deb13-rt-amd64"},
		"6.1.0-40-amd64":         {"aaa-6.1.0-40-amd64+1"},
		"6.12.57":                nil,
	} {
		got, err := entriesOf(boot, version)
		for i := range got {
			got[i] = strings.TrimSuffix(filepath.Base(got[i]), ".conf")
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s has %v, %v, wanted %v", version, got, err, want)
		}
	}
}

// What kernel-install has made in a folder names what the loader reads in the root
// of its file system.
func TestRelocate(t *testing.T) {
	made, boot := t.TempDir(), t.TempDir()
	if err := errors.Join(os.MkdirAll(made+"/aaa/6.1", 0o755), os.WriteFile(made+"/aaa/6.1/linux", nil, 0o600), os.WriteFile(boot+"/initramfs-6.1.img", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(made, "aaa-6.1.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("title      Debian\noptions    root=x linux " + made + "/ ro\nlinux      " + made + "/aaa/6.1/linux\ninitrd     /initramfs-6.1.img\n")
	if err := relocate(path, made, boot, nil); err != nil {
		t.Fatal(err)
	}
	const want = "title      Debian\noptions    root=x linux MADE/ ro\nlinux      /aaa/6.1/linux\ninitrd     /initramfs-6.1.img\n"
	if got, err := os.ReadFile(path); string(got) != strings.ReplaceAll(want, "MADE", made) || err != nil {
		t.Errorf("it is %q, %v", got, err)
	}
	write("options    root=x new\noptions more\nlinux /aaa/6.1/linux\n")
	if err := relocate(path, made, boot, &formerOptions{Options: "root=x ro"}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "options    root=x ro\nlinux /aaa/6.1/linux\n" || err != nil {
		t.Errorf("with a former command line it is %q, %v", got, err)
	}
	write("linux /aaa/6.1/linux\ninitrd /aaa/6.1/initrd.img-6.1\n")
	if err := relocate(path, made, boot, nil); err == nil || !strings.Contains(err.Error(), "/aaa/6.1/initrd.img-6.1") {
		t.Errorf("an entry of what is not there: %v", err)
	}
}
