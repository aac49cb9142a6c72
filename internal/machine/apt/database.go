package apt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Database lists the existing files of dpkg's database, sorted: its data about
// packages, triggers, alternatives, diversions and overrides, and apt's marks. It
// leaves out locks, backups and what dpkg recreates by itself.
func Database(root system.Root) ([]string, error) { return databaseFiles(root, nil) }

// Coming says which file will be at a path in a root after the planned change:
// another path of this process, or "" for none.
type Coming map[string]string

// at is where the content that path will have is now.
func (c Coming) at(root system.Root, path string) string {
	if other, moves := c[path]; moves {
		return other
	}
	return root.Path(path)
}

// names lists the files of a folder that will be there.
func (c Coming) names(root system.Root, dir string) ([]string, error) {
	var out []string
	entries, err := os.ReadDir(root.Path(dir))
	for _, e := range entries {
		if _, moves := c[filepath.Join(dir, e.Name())]; !moves && e.Type().IsRegular() {
			out = append(out, e.Name())
		}
	}
	for path, from := range c {
		if filepath.Dir(path) == dir && from != "" {
			out = append(out, filepath.Base(path))
		}
	}
	return out, err
}

func databaseFiles(root system.Root, coming Coming) ([]string, error) {
	paths := []string{}
	for _, path := range []string{statusPath, diversionsPath, overridesPath, "/var/lib/dpkg/arch", extendedStatesPath} {
		at := coming.at(root, path)
		if at == "" {
			continue
		}
		if _, err := os.Lstat(at); err == nil {
			paths = append(paths, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, dir := range []string{infoDir, "/var/lib/dpkg/alternatives", "/var/lib/dpkg/triggers"} {
		names, err := coming.names(root, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read dpkg's database: %w", err)
		}
		for _, name := range names {
			if name != "Lock" {
				paths = append(paths, filepath.Join(dir, name))
			}
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// Registry lists Database and the data that helpers of maintainer scripts keep
// about packages elsewhere.
func Registry(root system.Root) ([]string, error) {
	paths, err := Database(root)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{
		"/var/cache/debconf", "/var/lib/ucf", "/var/lib/systemd/deb-systemd-helper-enabled", "/var/lib/systemd/deb-systemd-helper-masked",
		"/var/lib/systemd/deb-systemd-user-helper-enabled", "/var/lib/systemd/deb-systemd-user-helper-masked", "/var/lib/pam",
	} {
		top := root.Path(dir)
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && !strings.HasSuffix(path, "-old") {
				paths = append(paths, dir+strings.TrimPrefix(path, top))
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read what maintainer scripts keep: %w", err)
		}
	}
	return paths, nil
}

// FindDeb is where apt or hostctl still has the .deb of a package; "" if
// neither does. No lock names what it should hold, so only folders that are
// root's alone are looked into.
func (c Cache) FindDeb(root system.Root, name, version, arch string) string {
	file := debName(spec.Locked{Name: name, Version: version, Arch: arch})
	found, err := filepath.Glob(filepath.Join(c.Dir, "debs", "*", "*", file))
	if err == nil && len(found) > 0 && system.Alone(found[0]) == nil {
		return found[0]
	}
	path := root.Path(filepath.Join("/var/cache/apt/archives", file))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return ""
}

// DatabaseDigest is the hex SHA-256 over the names and bytes of Database. A changed
// digest shows that somebody used apt or dpkg. The second result is the digest
// after a planned change.
func DatabaseDigest(root system.Root, coming Coming) (string, error) {
	paths, err := databaseFiles(root, coming)
	if err != nil {
		return "", err
	}
	contents := make([][]byte, len(paths))
	err = system.Share(len(paths), func(i int) (err error) {
		contents[i], err = os.ReadFile(coming.at(root, paths[i]))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	h := sha256.New()
	for i, path := range paths {
		fmt.Fprintf(h, "%s\x00%s\x00%d\x00", path, contents[i], len(contents[i]))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// CheckDatabase says what dpkg --audit would find, and what it does not look
// for: every package is installed or gone, none is half-way; every file list
// has its entry in the status file and the other way round. All of it is in
// the error.
func CheckDatabase(root system.Root, coming Coming) error {
	status, err := os.ReadFile(coming.at(root, statusPath))
	if err != nil {
		return fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	names, err := coming.names(root, infoDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	lists := map[string]bool{}
	for _, n := range names {
		if name, ok := strings.CutSuffix(n, ".list"); ok {
			lists[name] = true
		}
	}
	var errs []error
	known := map[string]bool{}
	for s := range stanzas(status) {
		name, arch := s.get("Package"), s.get("Architecture")
		words := strings.Fields(s.get("Status"))
		if name == "" || len(words) != 3 {
			errs = append(errs, fmt.Errorf("the stanza %q has no Package or no Status of three words", firstLine(s.raw)))
			continue
		}
		known[name], known[name+":"+arch] = true, true
		switch {
		case words[2] == "not-installed":
			known[name], known[name+":"+arch] = false, false
		case words[1] != "ok", words[2] != "installed" && words[2] != "config-files":
			errs = append(errs, fmt.Errorf("package %s is %s %s", name, words[1], words[2]))
		case !lists[name] && !lists[name+":"+arch]:
			errs = append(errs, fmt.Errorf("package %s has no file list", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("the file list of %s has no entry in the status file", name))
		}
	}
	if len(errs) > 0 {
		errs = append([]error{errors.New("dpkg's database is not in order; 'dpkg --configure -a' and 'dpkg --audit' help")}, errs...)
	}
	return errors.Join(errs...)
}

const overridesPath = "/var/lib/dpkg/statoverride"

// Diversions are the paths that dpkg diverts and where to (dpkg-divert(1)).
func Diversions(root system.Root) (map[string]string, error) {
	lines, err := databaseLines(root, diversionsPath)
	out := map[string]string{}
	for i := 0; i+2 < len(lines); i += 3 {
		by := lines[i+2]
		if by == ":" {
			by = "the administrator"
		}
		out[lines[i]] = lines[i+1] + " by " + by
	}
	return out, err
}

// Overrides are the paths whose owner, group and mode somebody set for good
// (dpkg-statoverride(1)).
func Overrides(root system.Root) (map[string]string, error) {
	lines, err := databaseLines(root, overridesPath)
	out := map[string]string{}
	for _, line := range lines {
		if f := strings.Fields(line); len(f) == 4 {
			out[f[3]] = strings.Join(f[:3], " ")
		}
	}
	return out, err
}

func databaseLines(root system.Root, path string) ([]string, error) {
	b, err := root.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	return strings.Split(string(bytes.TrimSuffix(b, []byte("\n"))), "\n"), nil
}
