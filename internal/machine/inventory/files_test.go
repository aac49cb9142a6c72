package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
	f, err := readFile(path, "/home/eve/.ssh/authorized_keys")
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
	if f, err := readFile(large, "/home/eve/.ssh/authorized_keys"); err != nil || len(f.Xattrs["user.large"]) != 10000 {
		t.Errorf("a large value: %v", err)
	}
}
