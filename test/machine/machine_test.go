package machine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The manifest is what every claim of exactness rests on, so each thing that
// it must notice is changed on a real folder.
func TestManifestNoticesEachChange(t *testing.T) {
	Need(t)
	cases := []struct {
		name, want string
		change     func(t *testing.T, root string)
	}{
		{"bytes", "/f: sha256", func(t *testing.T, r string) { put(t, r+"/f", "world"); same(t, r+"/f") }},
		{"mode", `/f: mode "0644" -> "4755"`, func(t *testing.T, r string) { must(t, os.Chmod(r+"/f", 0o755|os.ModeSetuid)) }},
		{"owner", `/f: uid "0" -> "7"`, func(t *testing.T, r string) { must(t, os.Lchown(r+"/f", 7, 0)) }},
		{"time", "/f: mtime", func(t *testing.T, r string) {
			must(t, unix.UtimesNanoAt(unix.AT_FDCWD, r+"/f", []unix.Timespec{{Sec: 5}, {Sec: 5, Nsec: 1}}, 0))
		}},
		{"trusted attribute", "/f: xattrs", func(t *testing.T, r string) {
			must(t, unix.Lsetxattr(r+"/f", "trusted.overlay.origin", []byte("x"), 0))
		}},
		{"link target", `/l: target "f" -> "g"`, func(t *testing.T, r string) {
			must(t, os.Remove(r+"/l"))
			must(t, os.Symlink("g", r+"/l"))
			same(t, r+"/l")
		}},
		{"link group", `/h: links "/h /i" -> ""`, func(t *testing.T, r string) {
			must(t, os.Remove(r+"/i"))
			put(t, r+"/i", "hard")
			same(t, r+"/i")
		}},
		{"flag", "/f: flags", func(t *testing.T, r string) { flag(t, r+"/f", nodump) }},
		{"type", `/d: type "dir" -> "file"`, func(t *testing.T, r string) {
			must(t, os.Remove(r+"/d"))
			put(t, r+"/d", "")
		}},
		{"gone", "/f: gone, was file", func(t *testing.T, r string) { must(t, os.Remove(r+"/f")) }},
		{"new", "/n: new file", func(t *testing.T, r string) { put(t, r+"/n", "") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			put(t, root+"/f", "hello")
			put(t, root+"/h", "hard")
			must(t, os.Link(root+"/h", root+"/i"))
			must(t, os.Symlink("f", root+"/l"))
			must(t, os.Mkdir(root+"/d", 0o755))
			for _, p := range []string{"/f", "/h", "/i", "/l"} {
				same(t, root+p)
			}
			before := take(t, root)
			c.change(t, root)
			got := Diff(before, take(t, root), nil)
			if !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, c.want) }) {
				t.Errorf("no line starts with %q in\n%s", c.want, strings.Join(got, "\n"))
			}
			if left := Diff(before, take(t, root), []Exclusion{{Path: "/*"}}); len(left) > 0 {
				t.Errorf("excluded paths are still reported: %q", left)
			}
		})
	}
}

func take(t *testing.T, root string) Manifest {
	t.Helper()
	m, err := Take(root)
	must(t, err)
	return m
}

func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Clean(path), []byte(text), 0o644))
}

const nodump = 0x40 // FS_NODUMP_FL of linux/fs.h

// same sets a path's time to one that all cases share.
func same(t *testing.T, path string) {
	t.Helper()
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Sec: 1}, {Sec: 1}}, unix.AT_SYMLINK_NOFOLLOW))
}

func flag(t *testing.T, path string, bit uint32) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	old, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(old|bit)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
