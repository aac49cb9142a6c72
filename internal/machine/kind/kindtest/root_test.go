// Package kindtest is the conformance suite of every kind: a resource that is
// absent is staged, is then observed as it was wanted, leaves an empty plan,
// and is gone again after its deletion. It holds tests only.
package kindtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// folder is a root that needs no privilege: its only account is called root
// and is whoever runs the test.
func folder(t *testing.T) system.Root {
	t.Helper()
	root := system.Root(t.TempDir())
	write(t, root, "/etc/passwd", fmt.Sprintf("root:x:%d:%d:root:/root:/bin/sh\n", os.Getuid(), os.Getgid()))
	write(t, root, "/etc/group", fmt.Sprintf("root:x:%d:\n", os.Getgid()))
	return root
}

func write(t *testing.T, root system.Root, path, content string) {
	t.Helper()
	p := root.Path(path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// debian is a writable view of the pristine Debian root in HOSTCTL_TEST_ROOT,
// which the test cannot alter: an overlay on a folder that is thrown away.
func debian(t *testing.T) system.Root {
	t.Helper()
	base := os.Getenv("HOSTCTL_TEST_ROOT")
	missing := ""
	switch {
	case base == "":
		missing = "HOSTCTL_TEST_ROOT does not name a Debian root"
	case os.Getuid() != 0:
		missing = "changing a Debian root needs root"
	}
	if missing != "" && os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	if missing != "" {
		t.Skip(missing)
	}
	dir := t.TempDir()
	upper, work, merged := filepath.Join(dir, "upper"), filepath.Join(dir, "work"), filepath.Join(dir, "merged")
	for _, d := range []string{upper, work, merged} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", base, upper, work)
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Fatalf("cannot mount an overlay of %s: %v", base, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})
	return system.Root(merged)
}

// dump describes a tree line by line. What the shadow tools leave beside their
// databases is no part of any resource.
func dump(t *testing.T, root system.Root, withTimes bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, top := range []string{"/etc", "/home", "/srv"} {
		err := filepath.WalkDir(root.Path(top), func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil {
				return err
			}
			st, err := d.Info()
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(path, string(root))
			if strings.HasSuffix(name, "-") || name == "/etc/.pwd.lock" {
				return nil
			}
			sys := st.Sys().(*syscall.Stat_t)
			line := fmt.Sprintf("%v %d:%d", st.Mode(), sys.Uid, sys.Gid)
			if withTimes {
				line += fmt.Sprintf(" %d.%d", sys.Ctim.Sec, sys.Ctim.Nsec)
			}
			switch {
			case st.Mode().IsRegular():
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				line += fmt.Sprintf(" %q", b)
			case st.Mode()&fs.ModeSymlink != 0:
				target, err := os.Readlink(path)
				if err != nil {
					return err
				}
				line += " -> " + target
			}
			out[name] = line
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// compare fails for each path that differs, those below ignored apart.
func compare(t *testing.T, want, got map[string]string, ignored ...string) {
	t.Helper()
	paths := map[string]bool{}
	for p := range want {
		paths[p] = true
	}
	for p := range got {
		paths[p] = true
	}
	var sorted []string
	for p := range paths {
		skip := false
		for _, i := range ignored {
			skip = skip || p == i || strings.HasPrefix(p, i+"/")
		}
		if !skip && want[p] != got[p] {
			sorted = append(sorted, p)
		}
	}
	sort.Strings(sorted)
	for _, p := range sorted {
		t.Errorf("%s:\n before %s\n after  %s", p, want[p], got[p])
	}
}
