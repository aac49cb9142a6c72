package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Whoever owns a file that is looked at can give it more attributes than fit
// into a page, and must not stop anybody with it.
func TestManyXattrs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_keys")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, letter := range "abcdef" {
		if err := unix.Setxattr(path, "user."+strings.Repeat(string(letter), 240), []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	f, err := readFile(system.Plainly(path), "/home/eve/.ssh/authorized_keys")
	if err != nil || len(f.Xattrs) != 6 {
		t.Errorf("%d attributes, %v", len(f.Xattrs), err)
	}
	large := "/dev/shm/hostctl-test-xattr"
	defer os.Remove(large)
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(large, "user.large", make([]byte, 5000), 0); err != nil {
		t.Skip(err) // a tmpfs of an older kernel has none
	}
	if f, err := readFile(system.Plainly(large), "/home/eve/.ssh/authorized_keys"); err != nil || len(f.Xattrs["user.large"]) != 10000 {
		t.Errorf("a large value: %v", err)
	}
}

// What an account makes its folder lead to is not its own.
func TestKeysBehindALink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("another account's link needs root")
	}
	root := t.TempDir()
	keys := filepath.Join(root, "root/.ssh")
	home := filepath.Join(root, "home/eve")
	link := filepath.Join(home, ".ssh")
	err := errors.Join(os.MkdirAll(keys, 0o755), os.MkdirAll(home, 0o755), os.WriteFile(filepath.Join(keys, "authorized_keys"), []byte("key"), 0o600),
		os.Symlink("/root/.ssh", link), os.Lchown(home, 61001, 61001), os.Lchown(link, 61001, 61001))
	if err != nil {
		t.Fatal(err)
	}
	found, err := read(system.Root(root), []string{"/home/eve/.ssh/authorized_keys", "/root/.ssh/authorized_keys"})
	if err != nil || len(found) != 1 || found["/root/.ssh/authorized_keys"].Digest == "" {
		t.Errorf("%v, %v", found, err)
	}
}
