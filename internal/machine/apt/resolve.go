package apt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/hostctl/hostctl/internal/spec"
)

// Resolve asks apt for the closure of a host with the packages in want: what Debian
// requires on every system, apt itself, the wanted packages, and their dependencies
// (no Recommends), from the first source unless a package names another. It starts
// from an empty system, so the answer depends only on the sources. It calls tell
// with the bytes fetched of an input's lists, and with "" when apt begins to
// resolve.
func (c Cache) Resolve(ctx context.Context, system string, sources []Source, want map[string]spec.Package, tell func(input string, bytes int64)) (locked []spec.Locked, err error) {
	if len(sources) == 0 {
		return nil, fmt.Errorf("cannot resolve packages: the flake has no Debian input; add input \"debian\" { url = \"debian:SUITE\" }")
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot resolve packages: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(c.Dir, "resolve.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot resolve packages: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := lockFile(ctx, lock, nil); err != nil {
		return nil, fmt.Errorf("cannot resolve packages while another hostctl does in %s: %w", c.Dir, err)
	}
	return c.resolve(ctx, system, sources, want, tell)
}

func (c Cache) resolve(ctx context.Context, system string, sources []Source, want map[string]spec.Package, tell func(string, int64)) ([]spec.Locked, error) {
	s := &solver{want: want, indexes: map[string]*index{}, taken: map[string]string{}}
	for _, source := range sources {
		r, err := c.openRepository(ctx, system, source, func(bytes int64) { tell(source.Input, bytes) })
		if err != nil {
			return nil, err
		}
		s.repositories = append(s.repositories, r)
	}
	tell("", 0)
	if err := s.readIndexes(); err != nil {
		return nil, err
	}
	if err := s.checkNames(); err != nil {
		return nil, err
	}
	return s.solve(ctx, c, system)
}

type solver struct {
	repositories []*repository // the default input first
	indexes      map[string]*index
	lists        []list
	want         map[string]spec.Package
	taken        map[string]string // packages that one with "from" needs, to its input
}

// list is one verified Packages file and the number of its repository.
type list struct {
	repository int
	file       string
}

func (s *solver) readIndexes() error {
	for i, r := range s.repositories {
		x := newIndex()
		s.indexes[r.Input] = x
		files, err := r.packageLists()
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := x.read(file, r.Input); err != nil {
				return err
			}
			s.lists = append(s.lists, list{i, file})
		}
	}
	return nil
}

func (s *solver) input(name string) string {
	if from := s.want[name].From; from != "" {
		return from
	}
	return s.repositories[0].Input
}

// checkNames refuses, all at once, wanted packages that their input lacks.
func (s *solver) checkNames() error {
	var missing []NotFound
	for _, name := range slices.Sorted(maps.Keys(s.want)) {
		if s.want[name].Absent {
			continue
		}
		x, ok := s.indexes[s.input(name)]
		if !ok {
			missing = append(missing, NotFound{name, fmt.Sprintf("there is no Debian input %q", s.input(name))})
		} else if _, ok := x.packages[name]; !ok {
			missing = append(missing, NotFound{name, s.unknown(x, name)})
		}
	}
	if len(missing) > 0 {
		return &NotFoundError{Missing: missing}
	}
	return nil
}

// NotFound is a package that its input lacks, and what to write instead.
type NotFound struct{ Package, Why string }

// NotFoundError names every missing package.
type NotFoundError struct {
	Missing []NotFound
	// At is where the configuration asks for a package, "" if unknown. It may be
	// nil.
	At func(pkg string) string
}

func (e *NotFoundError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "cannot resolve packages, %d not found:", len(e.Missing))
	for _, m := range e.Missing {
		at := ""
		if e.At != nil {
			if at = e.At(m.Package); at != "" {
				at = " (" + at + ")"
			}
		}
		fmt.Fprintf(&text, "\n  %s%s: %s", m.Package, at, m.Why)
	}
	return text.String()
}

func (s *solver) unknown(x *index, name string) string {
	if by := x.provides[name]; len(by) > 0 {
		slices.Sort(by)
		return "it is a virtual package; name one that provides it: " + strings.Join(unique(by), ", ")
	}
	for _, r := range s.repositories {
		if _, ok := s.indexes[r.Input].packages[name]; ok {
			return fmt.Sprintf("it is not in input %q, but in %q: package %q { from = input.%s }", s.input(name), r.Input, name, r.Input)
		}
	}
	text := fmt.Sprintf("it is not in input %q", s.input(name))
	if near := x.nearest(name); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, ", ") + "?"
	}
	return text
}

// nearest returns up to three names that differ in the fewest letters; letters
// in the wrong order are one mistake.
func (x *index) nearest(name string) []string {
	limit := 1 + len(name)/4
	letters := sortedLetters(name)
	byDistance := make([][]string, limit+1)
	for known := range x.packages {
		d := levenshtein.Distance(name, known, nil)
		if len(known) == len(name) && sortedLetters(known) == letters {
			d = 1
		}
		if d <= limit {
			byDistance[d] = append(byDistance[d], known)
		}
	}
	var near []string
	for _, names := range byDistance {
		slices.Sort(names)
		near = append(near, names...)
	}
	return near[:min(3, len(near))]
}

func sortedLetters(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

// solve gives apt a system with nothing installed and the verified lists under
// apt's names for them, and reads what it would install. apt considers only one
// version of a package, so to find what a package with "from" needs from its
// input, solve asks again with those packages pinned to it.
func (s *solver) solve(ctx context.Context, c Cache, system string) ([]spec.Locked, error) {
	w, err := s.workspace(c, system)
	if err != nil {
		return nil, err
	}
	var failure error
	for {
		if err := os.WriteFile(filepath.Join(w.dir, "preferences"), []byte(s.preferences()), 0o644); err != nil {
			return nil, fmt.Errorf("cannot set up apt: %w", err)
		}
		out, err := w.run(ctx, append([]string{"install", "-s", "-q", "-y"}, s.request()...)...)
		if err == nil {
			return s.answer(out)
		}
		if failure == nil {
			failure = fmt.Errorf("cannot resolve packages: apt finds no set that satisfies every dependency: %w\n%s\n"+
				"a package that the flake makes absent, or takes from another input, may be what is missing", err, unmet(out))
		}
		if ctx.Err() != nil || !s.takeFromInputs(out) {
			return nil, failure
		}
	}
}

// unmet is what apt-get says about unmet dependencies, or else its errors.
func unmet(out string) string {
	_, text, ok := strings.Cut(out, "The following packages have unmet dependencies:\n")
	if !ok {
		return complaints(out)
	}
	text, _, _ = strings.Cut(text, "\nE: ")
	return text
}

// takeFromInputs pins more packages to the inputs of packages with "from": those
// that others need, or else those that conflict. It reports whether there were any.
func (s *solver) takeFromInputs(out string) bool {
	var needed, needing []string
	for line := range strings.Lines(unmet(out)) {
		if left, _, ok := strings.Cut(line, " : "); ok {
			needing = append(needing, strings.TrimSpace(left))
		}
		if _, right, ok := strings.Cut(line, "Depends: "); ok {
			needed = append(needed, strings.Fields(right)[0])
		} else if _, right, ok := strings.Cut(line, "Breaks: "); ok {
			needed = append(needed, strings.Fields(right)[0])
		}
	}
	return s.take(needed) || s.take(needing)
}

func (s *solver) take(names []string) bool {
	progress := false
	for _, r := range s.repositories[1:] {
		inUse := slices.ContainsFunc(slices.Collect(maps.Values(s.want)), func(p spec.Package) bool { return p.From == r.Input })
		x := s.indexes[r.Input]
		for _, name := range names {
			// A virtual name needs the package that provides it there.
			for _, real := range append([]string{name}, x.provides[name]...) {
				_, taken := s.taken[real]
				_, there := x.packages[real]
				if inUse && there && !taken && !s.want[real].Absent && s.want[real].From == "" {
					s.taken[real] = r.Input
					progress = true
				}
			}
		}
	}
	return progress
}

// workspace links the lists below names that apt derives from the made-up
// sources file:/iN s cM. Their Release files are made up too: they give each
// input a label, by which it can be pinned even when two have the same suite.
func (s *solver) workspace(c Cache, system string) (workspace, error) {
	var key, sources strings.Builder
	for _, l := range s.lists {
		fmt.Fprintln(&key, l.repository, l.file)
	}
	w, err := openWorkspace(filepath.Join(c.Dir, "solver", spec.Sum([]byte(key.String()))[:16]), system)
	if err != nil {
		return w, err
	}
	if err := s.dropStaleCache(w); err != nil {
		return w, fmt.Errorf("cannot set up apt: %w", err)
	}
	components := make([][]string, len(s.repositories))
	for _, l := range s.lists {
		i := l.repository
		component := fmt.Sprintf("c%d", len(components[i]))
		components[i] = append(components[i], component)
		link := filepath.Join(w.dir, "lists", fmt.Sprintf("_i%d_dists_s_%s_binary-%s_Packages", i, component, system))
		if err := replaceLink(l.file, link); err != nil {
			return w, fmt.Errorf("cannot set up apt: %w", err)
		}
	}
	for i, r := range s.repositories {
		// The lists have been verified: these are local names for them.
		fmt.Fprintf(&sources, "deb [trusted=yes arch=%s] file:/i%d s %s\n", system, i, strings.Join(components[i], " "))
		release := fmt.Sprintf("Origin: hostctl\nLabel: %s\nSuite: %s\nCodename: %s\nArchitectures: %s\nComponents: %s\n",
			r.Input, r.Input, r.Input, system, strings.Join(components[i], " "))
		if err := os.WriteFile(filepath.Join(w.dir, "lists", fmt.Sprintf("_i%d_dists_s_Release", i)), []byte(release), 0o644); err != nil {
			return w, fmt.Errorf("cannot set up apt: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.dir, "sources.list"), []byte(sources.String()), 0o644); err != nil {
		return w, fmt.Errorf("cannot set up apt: %w", err)
	}
	return w, nil
}

// dropStaleCache removes apt's binary cache if it was made from other lists. apt
// itself compares sizes and modification times in seconds, which two lists can
// share.
func (s *solver) dropStaleCache(w workspace) error {
	var releases strings.Builder
	for _, r := range s.repositories {
		files, err := r.releases()
		if err != nil {
			return err
		}
		for _, data := range files {
			releases.Write(data)
		}
	}
	stamp := filepath.Join(w.dir, "releases")
	now := spec.Sum([]byte(releases.String()))
	if old, err := os.ReadFile(stamp); err == nil && string(old) == now {
		return nil
	}
	for _, name := range []string{"pkgcache.bin", "srcpkgcache.bin"} {
		if err := os.Remove(filepath.Join(w.dir, "cache", name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.WriteFile(stamp, []byte(now), 0o644)
}

func replaceLink(target, link string) error {
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(target, link)
}

// preferences pins (apt_preferences(5)) the default input as usual, others as a
// last resort, packages with "from" to their input, and absent ones to never.
func (s *solver) preferences() string {
	var b strings.Builder
	pin := func(name, what string, priority int) {
		fmt.Fprintf(&b, "Package: %s\nPin: %s\nPin-Priority: %d\n\n", name, what, priority)
	}
	for _, name := range slices.Sorted(maps.Keys(s.want)) {
		switch p := s.want[name]; {
		case p.Absent:
			pin(name, "version *", -1)
		case p.From != "":
			pin(name, "release l="+p.From, 990)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.taken)) {
		pin(name, "release l="+s.taken[name], 990)
	}
	for i, r := range s.repositories {
		priority := 500
		if i > 0 {
			priority = 1
		}
		pin("*", "release l="+r.Input, priority)
	}
	return b.String()
}

// request is what to ask apt-get to install: what a Debian system requires, and
// the wanted packages.
func (s *solver) request() []string {
	base := s.indexes[s.repositories[0].Input]
	var names []string
	for name, candidates := range base.packages {
		_, said := s.want[name]
		required := name == "apt" || slices.ContainsFunc(candidates, func(c candidate) bool { return c.essential })
		if required && !said {
			names = append(names, name)
		}
	}
	for name, p := range s.want {
		if !p.Absent {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// answer reads apt's "Inst NAME (VERSION ORIGIN [ARCH])" lines.
func (s *solver) answer(out string) ([]spec.Locked, error) {
	var locked []spec.Locked
	for line := range strings.Lines(out) {
		rest, ok := strings.CutPrefix(line, "Inst ")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, " ")
		name, _, _ = strings.Cut(name, ":")
		_, rest, _ = strings.Cut(rest, "(")
		version, _, _ := strings.Cut(rest, " ")
		_, arch, _ := strings.Cut(rest, "[")
		arch, _, _ = strings.Cut(arch, "]")
		l, ok := s.find(name, version, arch)
		if !ok {
			return nil, fmt.Errorf("internal error: apt chose %s %s [%s], which is in no package list", name, version, arch)
		}
		locked = append(locked, l)
	}
	slices.SortFunc(locked, func(a, b spec.Locked) int { return strings.Compare(a.Name, b.Name) })
	return locked, nil
}

// find looks in the package's own input first: others may have the same version.
func (s *solver) find(name, version, arch string) (spec.Locked, bool) {
	if x, ok := s.indexes[s.input(name)]; ok {
		if l, ok := x.find(name, version, arch); ok {
			return l, true
		}
	}
	for _, r := range s.repositories {
		if l, ok := s.indexes[r.Input].find(name, version, arch); ok {
			return l, true
		}
	}
	return spec.Locked{}, false
}
