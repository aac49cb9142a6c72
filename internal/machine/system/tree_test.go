package system

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// plantTree makes a root with links that root made, and those of somebody else
// where the test may.
func plantTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	err := errors.Join(
		os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755),
		os.MkdirAll(filepath.Join(root, "run/x/y"), 0o755),
		os.MkdirAll(filepath.Join(root, "var"), 0o755),
		os.MkdirAll(filepath.Join(root, "home/m/dir"), 0o755),
		os.MkdirAll(filepath.Join(root, "tmp"), 0o777), os.Chmod(filepath.Join(root, "tmp"), 0o1777),
		os.Symlink("usr/bin", filepath.Join(root, "bin")),
		os.Symlink("/run", filepath.Join(root, "var/run")),
		os.Symlink("../var/run/x", filepath.Join(root, "usr/up")),
		os.Symlink("loop", filepath.Join(root, "loop")),
		os.Symlink("/usr", filepath.Join(root, "tmp/link")),
		os.Symlink("/usr", filepath.Join(root, "home/m/dir/link")),
		os.WriteFile(filepath.Join(root, "usr/bin/sh"), []byte("sh"), 0o755),
	)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestOpenWithoutLinks(t *testing.T) {
	root := plantTree(t)
	tree, err := OpenTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for dir, want := range map[string]error{
		"/": nil, "/usr": nil, "/usr/bin": nil, "/home/m/dir": nil,
		"/bin": unix.ELOOP, "/var/run": unix.ELOOP, "/var/run/x": unix.ELOOP, "/loop": unix.ELOOP,
		"/gone": unix.ENOENT, "/gone/more": unix.ENOENT, "/usr/bin/sh": unix.ENOTDIR, "/usr/bin/sh/x": unix.ENOTDIR,
	} {
		for how, open := range map[string]func() (int, error){
			"openat2":  func() (int, error) { return tree.open(dir) },
			"stepwise": func() (int, error) { return stepwise(tree.root, cmp.Or(strings.TrimPrefix(dir, "/"), ".")) },
		} {
			fd, err := open()
			if !errors.Is(err, want) {
				t.Errorf("%s by %s: %v, want %v", dir, how, err, want)
			}
			if err == nil {
				unix.Close(fd)
			}
		}
	}
}

func TestReach(t *testing.T) {
	root := plantTree(t)
	others := ""
	if os.Geteuid() == 0 {
		for _, p := range []string{"home/m", "home/m/dir", "home/m/dir/link"} {
			if err := os.Lchown(filepath.Join(root, p), 61001, 61001); err != nil {
				t.Fatal(err)
			}
		}
		others = "/home/m/dir/link"
	} else {
		t.Log("another account's links need root")
	}
	tree, err := OpenTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for range 2 { // the second time by what is known of the first
		for path, same := range map[string]string{"/bin/sh": "/usr/bin/sh", "/var/run/x": "/run/x", "/usr/up/y": "/run/x/y", "/loop": "/loop", "/bin": "/bin"} {
			var is, want unix.Stat_t
			if err := unix.Lstat(filepath.Join(root, same), &want); err != nil {
				t.Fatal(err)
			}
			err := tree.Reach(path, func(at Spot) error {
				st, err := at.Stat()
				if err == nil {
					is = *st
				}
				return err
			})
			if err != nil || is.Ino != want.Ino {
				t.Errorf("%s is inode %d, %v; want that of %s", path, is.Ino, err, same)
			}
		}
		for _, path := range []string{"/tmp/link/bin", others + "/bin"} {
			if others == "" && path == "/bin" {
				continue
			}
			var link *LinkError
			err := tree.Reach(path, func(Spot) error { t.Errorf("%s is reached", path); return nil })
			if !errors.As(err, &link) || link.Path != filepath.Dir(path) {
				t.Errorf("%s: %v", path, err)
			}
			if says := strings.Contains(err.Error(), "in a folder that others than root may write to"); says != (path == "/tmp/link/bin") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if err := tree.Reach("/loop/x", func(Spot) error { return nil }); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link to itself: %v", err)
	}
}

func TestSole(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("another account's folders need root")
	}
	root := plantTree(t)
	if err := os.Lchown(filepath.Join(root, "home/m"), 61001, 61001); err != nil {
		t.Fatal(err)
	}
	tree, err := OpenTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for dir, want := range map[string]bool{"/": true, "/usr/bin": true, "/usr/bin/gone": true, "/tmp": false, "/home": true, "/home/m": false, "/home/m/dir": false} {
		if sole, err := tree.Sole(dir); err != nil || sole != want {
			t.Errorf("%s: %v, %v", dir, sole, err)
		}
	}
}

// TestOpenRegular does not wait for the other end of a pipe.
func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	fifo, file, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := errors.Join(unix.Mkfifo(fifo, 0o600), os.WriteFile(file, nil, 0o600), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for path, good := range map[string]bool{fifo: false, link: false, "/dev/zero": false, dir: false, file: true} {
		f, err := OpenRegular(path)
		if (err == nil) != good {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			f.Close()
		}
	}
}
