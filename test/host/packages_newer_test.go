package host

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// older is the lock with the named packages in an older version, if the archive has
// one: for packages updated since the last point release, one suite has the older
// version and another the present one. It also returns the names of packages
// without an older version.
func older(t *testing.T, w world, lock []spec.Locked, names []string) (former []spec.Locked, none []string) {
	t.Helper()
	former = append([]spec.Locked{}, lock...)
	var fetch []spec.Locked
	for _, name := range names {
		i := slices.IndexFunc(lock, func(l spec.Locked) bool { return l.Name == name })
		if i < 0 {
			t.Fatalf("the lock has no %s", name)
		}
		l, ok := formerVersion(t, w, lock[i])
		if !ok {
			none = append(none, name)
			continue
		}
		t.Logf("the archive has two versions of %s: %s, %s", name, l.Version, lock[i].Version)
		former[i] = l
		fetch = append(fetch, l, lock[i]) // the base root may have the present one, and then nobody fetched it
	}
	source := apt.Source{Input: "debian", Suite: machine.Suite, Components: []string{"main"}}
	if err := (apt.Cache{Dir: w.cache}).Fetch(t.Context(), []apt.Source{source}, fetch, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	return former, none
}

// formerVersion is the newest of the older versions of a package in the lists
// that resolving the lock has fetched.
func formerVersion(t *testing.T, w world, l spec.Locked) (spec.Locked, bool) {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join(w.cache, "lists/*/sources.list"))
	if err != nil {
		t.Fatal(err)
	}
	former, found := l, false
	for _, list := range lists {
		if b, err := os.ReadFile(list); err != nil || !strings.Contains(string(b), " "+machine.Suite+"-security ") {
			continue
		}
		conf := filepath.Join(filepath.Dir(list), "apt.conf")
		out := run(t, "apt-cache", "-c", conf, "show", "--all-versions", l.Name)
		for block := range strings.SplitSeq(out, "\n\n") {
			field := map[string]string{}
			for line := range strings.Lines(block) {
				if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
					field[key] = value
				}
			}
			if field["Package"] != l.Name || !before(field["Version"], l.Version) || found && !before(former.Version, field["Version"]) {
				continue
			}
			size, err := strconv.ParseInt(field["Size"], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			found = true
			former.Version, former.Arch, former.SHA256, former.Size, former.Path = field["Version"], field["Architecture"], field["SHA256"], size, field["Filename"]
		}
	}
	return former, found
}

func before(version, other string) bool {
	return exec.Command("dpkg", "--compare-versions", version, "lt", other).Run() == nil
}

// newerMark ends the version of a package that was packed again.
const newerMark = "+dt1"

// newer repacks the named packages of a lock as a newer version, each with its own
// scripts and with changed programs and libraries: mirrors keep only one version of
// most packages, and an upgrade runs other code than an installation. It returns the
// lock with the new packages instead of the old ones.
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

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
