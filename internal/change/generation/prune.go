package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
)

const pruneVersion = 1

// Prune takes generations away and keeps every way between the others: the
// edge to a generation that goes and the one from it become one. Its JSON form
// is the journal of that, kept from the decision until it is done.
type Prune struct {
	Version int              `json:"version"`
	Gone    []int            `json:"gone"`
	Mends   []changeset.Mend `json:"mends,omitempty"`
	// Build says that what was built goes, too.
	Build bool `json:"build,omitempty"`

	left    map[int]*Record
	changed map[int]bool // of left: those with another edge than their record says
	current int
}

// Fork is why a generation cannot go: more than one way parts there, and the
// nodes of its edge can only be in one place.
type Fork struct {
	Number   int   `json:"number"`
	Children []int `json:"children"`
}

func (f Fork) Error() string {
	return fmt.Sprintf("generation %d has to stay while %s do, which both come from it; delete all but one of them first", f.Number, List(f.Children))
}

// List is numbers in a sentence.
func List(numbers []int) string {
	out := ""
	for i, n := range numbers {
		switch {
		case i == 0:
		case i == len(numbers)-1:
			out += " and "
		default:
			out += ", "
		}
		out += strconv.Itoa(n)
	}
	return out
}

// PlanPrune plans to take those generations away, and says which of them have
// to stay. It writes nothing.
func (s Store) PlanPrune(current int, gone []int) (*Prune, []Fork, error) {
	numbers, err := s.Numbers()
	if err != nil {
		return nil, nil, err
	}
	p := &Prune{Version: pruneVersion, left: map[int]*Record{}, changed: map[int]bool{}, current: current}
	for _, n := range numbers {
		if p.left[n], err = s.Load(n); err != nil {
			return nil, nil, err
		}
		if parent := p.left[n].Meta.Parent; parent >= n {
			return nil, nil, fmt.Errorf("cannot use the record of generation %d: it names %d as its parent, which is not before it", n, parent)
		}
	}
	waiting := slices.Sorted(slices.Values(gone))
	for progress := true; progress; {
		progress = false
		for _, n := range slices.Clone(waiting) {
			children := p.children(n)
			if n == current || len(children) > 1 {
				continue
			}
			if err := p.remove(n, children); err != nil {
				return nil, nil, fmt.Errorf("cannot delete generation %d: %w", n, err)
			}
			waiting = slices.DeleteFunc(waiting, func(w int) bool { return w == n })
			progress = true
		}
	}
	var forks []Fork
	for _, n := range waiting {
		forks = append(forks, Fork{n, p.children(n)})
	}
	return p, forks, nil
}

func (p *Prune) children(n int) []int {
	var out []int
	for _, c := range slices.Sorted(maps.Keys(p.left)) {
		if p.left[c].Meta.Parent == n {
			out = append(out, c)
		}
	}
	return out
}

// remove takes n out of the tree and gives its edge to its one child.
func (p *Prune) remove(n int, children []int) error {
	r, exists := p.left[n]
	if !exists {
		return errors.New("there is no such generation")
	}
	for _, c := range children {
		if err := p.inherit(p.left[c], r); err != nil {
			return err
		}
		p.changed[c] = true
	}
	delete(p.left, n)
	delete(p.changed, n)
	p.Gone = append(p.Gone, n)
	return nil
}

func (p *Prune) inherit(child, gone *Record) error {
	applied := p.applied(gone.Meta.Number)
	child.Meta.Parent = gone.Meta.Parent
	if gone.Meta.Parent < 0 { // nothing is before it, so nothing leads there
		child.Changeset, child.Accounts = changeset.New(child.Meta.Number), nil
		return nil
	}
	joined, mends, err := gone.Changeset.Then(child.Changeset, applied)
	if err != nil {
		return err
	}
	child.Changeset, p.Mends = joined, append(p.Mends, mends...)
	child.Accounts = slices.DeleteFunc(slices.Concat(gone.Accounts, child.Accounts), account.Delta.Empty)
	child.Meta.StatePaths = union(gone.Meta.StatePaths, child.Meta.StatePaths)
	child.Meta.Kept = union(gone.Meta.Kept, child.Meta.Kept)
	return nil
}

// applied says whether n is current or one of its ancestors.
func (p *Prune) applied(n int) bool {
	for r := p.left[p.current]; r != nil; r = p.left[r.Meta.Parent] {
		if r.Meta.Number == n {
			return true
		}
	}
	return false
}

func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Prune carries p out. The rename of its journal decides: before it nothing
// has happened, after it FinishPrune ends it, now or in a later run.
func (s Store) Prune(p *Prune) error {
	if len(p.Gone) == 0 {
		return nil
	}
	if err := errors.Join(s.bury(), s.retire(p.Gone)); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(p.changed)) {
		r := p.left[n]
		dir := s.edgeDir(n)
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
			return err
		}
		for name, v := range r.edge() {
			if err := writeJSON(filepath.Join(dir, name), v); err != nil {
				return err
			}
		}
	}
	if err := system.SyncDir(s.path("generations")); err != nil {
		return err
	}
	if err := writeJSON(s.path(pruneFile), p); err != nil {
		return err
	}
	return s.FinishPrune()
}

const pruneFile = "prune.json"

// edgeDir is where the new edge of a generation waits for the decision.
func (s Store) edgeDir(n int) string { return s.path("generations", edgePrefix+strconv.Itoa(n)) }

const (
	edgePrefix = ".edge-"
	gonePrefix = ".gone-"
)

// edge are the files of a record that say where it hangs in the tree.
func (r *Record) edge() map[string]any {
	return map[string]any{"meta.json": r.Meta, "changeset.json": r.Changeset, "accounts.json": r.Accounts}
}

// FinishPrune ends a Prune that was decided; without one it does nothing. Each
// of its steps can be repeated.
func (s Store) FinishPrune() error {
	b, err := os.ReadFile(s.path(pruneFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var p Prune
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err == nil && p.Version != pruneVersion {
		err = fmt.Errorf("its version is %d, this hostctl knows %d", p.Version, pruneVersion)
	}
	if err != nil {
		return fmt.Errorf("cannot finish the deletion of generations that %s began: %w", s.path(pruneFile), err)
	}
	for _, m := range p.Mends {
		if err := m.Run(s.Root); err != nil {
			return err
		}
	}
	if err := s.publishEdges(); err != nil {
		return err
	}
	for _, n := range p.Gone {
		hidden := s.path("generations", gonePrefix+strconv.Itoa(n))
		err := os.Rename(filepath.Join(s.Root, Path(n)), hidden)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.RemoveAll(hidden); err != nil {
			return err
		}
	}
	return errors.Join(system.SyncDir(s.path("generations")), os.Remove(s.path(pruneFile)), system.SyncDir(s.path()))
}

// publishEdges puts the new files of the records that stay over the old ones.
func (s Store) publishEdges() error {
	files, err := filepath.Glob(s.path("generations", edgePrefix+"*", "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		record := s.path("generations", strings.TrimPrefix(filepath.Base(filepath.Dir(f)), edgePrefix))
		if err := os.Rename(f, filepath.Join(record, filepath.Base(f))); err != nil {
			return err
		}
		if err := system.SyncDir(record); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return system.WriteFile(path, b, 0o600, 0, 0)
}

// Tombs are the accounts that generations made or removed, those included
// whose record is gone. Names that are gone must not lend their ids.
func (s Store) Tombs() (account.Tombs, error) {
	out := account.Tombs{Users: map[string]int{}, Groups: map[string]int{}}
	b, err := os.ReadFile(s.path(tombsFile))
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out, fmt.Errorf("cannot read which accounts were here before: %w", err)
	}
	numbers, err := s.Numbers()
	if err != nil {
		return out, err
	}
	return out, s.gather(out, numbers)
}

const tombsFile = "tombs.json"

func (s Store) gather(into account.Tombs, numbers []int) error {
	for _, n := range numbers {
		deltas, err := s.Accounts(n)
		if err != nil {
			return err
		}
		for _, d := range deltas {
			for _, t := range []account.Tombs{d.Invert().Tombs(), d.Tombs()} {
				maps.Copy(into.Users, t.Users)
				maps.Copy(into.Groups, t.Groups)
			}
		}
	}
	return nil
}

// bury keeps the tombs of generations that go.
func (s Store) bury() error {
	all, err := s.Tombs()
	if err != nil {
		return err
	}
	return writeJSON(s.path(tombsFile), all)
}

// deleted is the highest number of the generations that were deleted, 0 for
// none.
func (s Store) deleted() (n int, err error) {
	b, err := os.ReadFile(s.path(deletedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		n, err = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	if err != nil {
		return 0, fmt.Errorf("cannot tell which numbers deleted generations had: %w; write the highest that was ever used into %s", err, s.path(deletedFile))
	}
	return n, nil
}

const deletedFile = "deleted"

// retire notes the numbers of generations that go, before they do.
func (s Store) retire(gone []int) error {
	was, err := s.deleted()
	if err != nil {
		return err
	}
	highest := max(was, slices.Max(gone))
	return system.WriteFile(s.path(deletedFile), fmt.Appendf(nil, "%d\n", highest), 0o600, 0, 0)
}
