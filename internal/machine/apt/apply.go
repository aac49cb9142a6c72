package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// applyConf is apt's whole configuration inside a root: no sources, no hooks
// (dpkg's Pre-Install-Pkgs and Post-Invoke live in apt.conf.d), nothing but
// the .debs given. Old conffiles are kept, and nothing is synced: the root is
// a stage, and the commit syncs. The first folder of the path has a stage's
// replacements of some programs.
const applyConf = `Dir::Etc::sourcelist "DIR/none";
Dir::Etc::sourceparts "DIR/empty";
Dir::Etc::main "DIR/none";
Dir::Etc::parts "DIR/empty";
Dir::Etc::preferences "DIR/none";
Dir::Etc::preferencesparts "DIR/empty";
Dir::State::lists "DIR/lists";
Dir::Cache "DIR/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "DIR/log";
APT::Solver "internal";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Get::AutomaticRemove "false";
APT::Get::allow-downgrades "true";
APT::Get::allow-change-held-packages "true";
Acquire::AllowUnsizedPackages "true";
Dpkg::Use-Pty "false";
DPkg::Path "/run/hostctl/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
DPkg::Options { "--force-confold"; "--force-confdef"; "--force-unsafe-io"; };
`

// Apply runs one apt transaction in root. It installs the .debs at the given paths
// in the root, whichever versions are installed, removes exactly the packages in
// remove, and marks those in auto as dependencies and the other .debs' packages as
// asked for. It reads only these files: no sources, no network. If apt wants to
// remove more, Apply refuses before dpkg runs. The file names are those of Taken.
func Apply(ctx context.Context, root system.Root, debs, remove, auto []string, out io.Writer) (err error) {
	before, err := Installed(root)
	if err != nil {
		return err
	}
	wanted := map[string]string{} // name to version
	for _, path := range debs {
		name, version, ok := parseDebName(path)
		if !ok {
			return fmt.Errorf("cannot install %s: its name is not NAME_VERSION_ARCH.deb", path)
		}
		wanted[name] = version
	}
	remove = slices.DeleteFunc(slices.Clone(remove), func(name string) bool { return before[name].Version == "" })
	if len(debs)+len(remove) > 0 {
		if err := transact(ctx, root, debs, remove, out); err != nil {
			return err
		}
	}
	after, err := Installed(root)
	if err != nil {
		return err
	}
	if err := verify(before, after, wanted, remove); err != nil {
		return err
	}
	var manual []string
	for name := range wanted {
		if !slices.Contains(auto, name) {
			manual = append(manual, name)
		}
	}
	return mark(root, manual, slices.DeleteFunc(slices.Clone(auto), func(name string) bool { return after[name].Version == "" }))
}

func transact(ctx context.Context, root system.Root, debs, remove []string, out io.Writer) (err error) {
	// Inside the root, so that the chrooted apt-get sees it.
	dir, err := os.MkdirTemp(root.Path("/tmp"), "hostctl-apt-")
	if err != nil {
		return fmt.Errorf("cannot set up apt: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, sub := range []string{"empty", "lists/partial", "cache/archives/partial", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("cannot set up apt: %w", err)
		}
	}
	// apt takes the files in its archives folder as fetched. For other files it
	// computes four checksums, at 150 MB a second, and compares them with nothing;
	// Cache.Take has compared these with the lock.
	for _, deb := range debs {
		if err := os.Symlink(deb, filepath.Join(dir, "cache/archives", filepath.Base(deb))); err != nil {
			return fmt.Errorf("cannot set up apt: %w", err)
		}
	}
	inside := filepath.Join("/tmp", filepath.Base(dir))
	conf := strings.ReplaceAll(applyConf, "DIR", inside)
	if err := os.WriteFile(filepath.Join(dir, "apt.conf"), []byte(conf), 0o644); err != nil {
		return fmt.Errorf("cannot set up apt: %w", err)
	}
	t := transaction{root: root, conf: filepath.Join(inside, "apt.conf")}
	steps, err := t.steps(ctx, debs, remove)
	if err != nil {
		return err
	}
	for _, args := range steps {
		var tail lastLines
		if err := t.run(ctx, io.MultiWriter(out, &tail), args); err != nil {
			return fmt.Errorf("cannot install or remove packages: apt-get: %w; its last words:\n%s%s", err, tail.String(), failedBuilds(root, out))
		}
	}
	return nil
}

// failedBuilds says why modules could not be built, as far as DKMS's logs say, and
// prints these logs, which are deleted with their root.
func failedBuilds(root system.Root, out io.Writer) string {
	logs, _ := filepath.Glob(root.Path("/var/lib/dkms/*/*/build/make.log")) // the pattern is well formed
	var told strings.Builder
	for _, log := range logs {
		b, err := os.ReadFile(log)
		if err != nil {
			continue
		}
		version := filepath.Dir(filepath.Dir(log))
		fmt.Fprintf(out, "%s:\n%s\n", log, b)
		fmt.Fprintf(&told, "\nDKMS could not build %s %s:", filepath.Base(filepath.Dir(version)), filepath.Base(version))
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, ": error: ") || strings.Contains(line, "Error!") {
				told.WriteString("\n  " + strings.TrimSpace(line))
			}
		}
	}
	return told.String()
}

type transaction struct {
	root system.Root
	conf string
}

func (t transaction) run(ctx context.Context, out io.Writer, args []string) error {
	cmd := t.root.Command(ctx, "apt-get", args...)
	cmd.Env = append(cmd.Env, "APT_CONFIG="+t.conf, "DEBIAN_PRIORITY=critical", "DEBCONF_NONINTERACTIVE_SEEN=true", "UCF_FORCE_CONFFOLD=1")
	cmd.Stdout, cmd.Stderr = out, out
	return cmd.Run()
}

// steps are the calls of apt-get. They refuse to remove what nobody named. In a
// single call apt removes packages first. But scripts of an upgrade run the old
// programs, which need the old libraries: slapd's dumps the database. So packages
// that do not block the upgrade are removed after it, as somebody would who
// upgrades first and then removes what is left over.
func (t transaction) steps(ctx context.Context, debs, remove []string) ([][]string, error) {
	install := append([]string{"install", "-y", "-q"}, debs...)
	if len(remove) == 0 {
		return [][]string{append(install, "--no-remove")}, nil
	}
	both := append(slices.Clone(install), minus(remove)...)
	removed, err := t.removals(ctx, both)
	if err != nil {
		return nil, fmt.Errorf("cannot install or remove packages: apt-get finds no way: %w", err)
	}
	unnamed := func(name string) bool { return !slices.Contains(remove, name) }
	if more := slices.DeleteFunc(removed, func(name string) bool { return !unnamed(name) }); len(more) > 0 {
		return nil, fmt.Errorf("cannot remove %s: apt would also remove %s; nothing was changed; make these absent too, or keep what they need",
			strings.Join(remove, ", "), strings.Join(more, ", "))
	}
	if len(debs) == 0 {
		return [][]string{both}, nil
	}
	first, err := t.removals(ctx, install)
	if err != nil || slices.ContainsFunc(first, unnamed) {
		return [][]string{both}, nil // what is to be removed does block it
	}
	later := slices.DeleteFunc(slices.Clone(remove), func(name string) bool { return slices.Contains(first, name) })
	if len(later) == 0 {
		return [][]string{install}, nil
	}
	return [][]string{install, append([]string{"install", "-y", "-q"}, minus(later)...)}, nil
}

// minus are apt's arguments for packages to remove.
func minus(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, name+"-")
	}
	return out
}

// removals asks apt what it would remove.
func (t transaction) removals(ctx context.Context, args []string) ([]string, error) {
	var out bytes.Buffer
	if err := t.run(ctx, &out, append(slices.Clone(args), "-s")); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, unmet(out.String()))
	}
	var names []string
	for line := range strings.Lines(out.String()) {
		if rest, ok := strings.CutPrefix(line, "Remv "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, nil
}

// verify compares dpkg's database with what the transaction should have done.
func verify(before, after map[string]spec.Installed, wanted map[string]string, remove []string) error {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if got := after[name].Version; got != wanted[name] {
			problems = append(problems, fmt.Sprintf("%s is at %q, not at %q", name, got, wanted[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		_, stays := after[name]
		named := slices.Contains(remove, name)
		switch {
		case stays && named:
			problems = append(problems, name+" is still installed")
		case !stays && !named:
			problems = append(problems, name+" is gone, and nobody asked for that")
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("cannot trust the packages that apt left: %s", strings.Join(problems, "; "))
	}
	return nil
}

// lastLines keeps the end of apt's output for an error.
type lastLines struct{ buf []byte }

const tailBytes = 4096

func (l *lastLines) Write(b []byte) (int, error) {
	l.buf = append(l.buf, b...)
	if over := len(l.buf) - tailBytes; over > 0 {
		l.buf = append(l.buf[:0], l.buf[over:]...)
	}
	return len(b), nil
}

func (l *lastLines) String() string {
	text := strings.TrimSpace(string(l.buf))
	if _, rest, cut := strings.Cut(text, "\n"); cut && len(l.buf) == tailBytes {
		return rest
	}
	return text
}
