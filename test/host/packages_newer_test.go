package host

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// newerMark ends the version of a package that was packed again.
const newerMark = "+dt1"

// newer packs the named packages of a lock again as a newer version, each with
// the scripts that it has and programs and libraries of other bytes: mirrors
// keep one version of a package, and an upgrade runs other code than an
// installation. It returns the lock with these in place of the old ones.
func newer(t *testing.T, w world, lock []spec.Locked, names []string) []spec.Locked {
	t.Helper()
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	var versions []string // of all, since they depend on each other's very version
	for _, l := range lock {
		if wanted[l.Name] {
			versions = append(versions, l.Version)
		}
	}
	out := append([]spec.Locked{}, lock...)
	for i, l := range out {
		if wanted[l.Name] {
			out[i] = packAgain(t, w, l, versions)
			delete(wanted, l.Name)
		}
	}
	for n := range wanted {
		t.Fatalf("the lock has no %s", n)
	}
	return out
}

func packAgain(t *testing.T, w world, l spec.Locked, versions []string) spec.Locked {
	t.Helper()
	dir := t.TempDir()
	run(t, "dpkg-deb", "-R", apt.Cache{Dir: w.cache}.Deb(l), dir)
	control := filepath.Join(dir, "DEBIAN/control")
	b, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "\nVersion: "+l.Version+"\n", "\nVersion: "+l.Version+newerMark+"\n", 1)
	for _, v := range versions {
		text = strings.ReplaceAll(text, "(= "+v+")", "(= "+v+newerMark+")")
	}
	if err := os.WriteFile(control, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, alterProgram); err != nil {
		t.Fatal(err)
	}
	deb := filepath.Join(t.TempDir(), "deb")
	run(t, "dpkg-deb", "-Znone", "-b", dir, deb)
	if b, err = os.ReadFile(deb); err != nil {
		t.Fatal(err)
	}
	l.Version, l.SHA256, l.Size = l.Version+newerMark, spec.Sum(b), int64(len(b))
	plant(t, w.cache, b, l)
	return l
}

// alterProgram appends a byte to an ELF file; nothing reads behind its tables.
func alterProgram(path string, d fs.DirEntry, err error) error {
	if err != nil || !d.Type().IsRegular() {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(b, []byte("\x7fELF")) {
		return err
	}
	if err := os.WriteFile(path, append(b, 0), info.Mode()); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
