package absorb

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// A folder below /etc can be somebody's: what they put in the place of a file
// between the look and the copy is not kept as that file.
func TestSwappedFileIsNotKept(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("another account's file takes root")
	}
	root := t.TempDir()
	path := func(p string) string { return filepath.Join(root, p) }
	now := &inventory.Inventory{Version: inventory.Version, Files: map[string]inventory.File{}}
	for _, p := range []string{"/etc/theirs/kept", "/etc/theirs/link", "/etc/theirs/pipe", "/etc/theirs/gone", "/etc/theirs/new", "/etc/moved/file"} {
		if err := os.MkdirAll(filepath.Dir(path(p)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(p), []byte("as it was"), 0o644); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Lstat(path(p), &st); err != nil {
			t.Fatal(err)
		}
		now.Files[p] = inventory.File{Ino: st.Ino, Mode: st.Mode, Size: st.Size, Digest: "x"}
	}
	secret := path("/secret")
	for _, err := range []error{
		os.WriteFile(secret, []byte("root's"), 0o600),
		os.Remove(path("/etc/theirs/link")), os.Symlink(secret, path("/etc/theirs/link")),
		os.Remove(path("/etc/theirs/pipe")), unix.Mkfifo(path("/etc/theirs/pipe"), 0o644),
		os.Remove(path("/etc/theirs/gone")),
		os.WriteFile(path("/etc/theirs/other"), []byte("another"), 0o644), os.Rename(path("/etc/theirs/other"), path("/etc/theirs/new")),
		os.Rename(path("/etc/moved"), path("/etc/was")), os.Symlink(path("/etc/was"), path("/etc/moved")),
		os.Lchown(path("/etc/moved"), 1200, 1200),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	packed, err := Pack(system.Root(root), now)
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "packed")
	if err := os.WriteFile(archive, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	former, err := Load(archive)
	if err != nil {
		t.Fatal(err)
	}
	if len(former.Files) != 1 || string(former.Files["/etc/theirs/kept"]) != "as it was" {
		t.Errorf("kept: %q, want /etc/theirs/kept alone", former.Files)
	}
}
