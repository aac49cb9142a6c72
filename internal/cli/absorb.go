package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/absorb"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

func (s *session) formerPath() string {
	return filepath.Join(s.root, generation.Dir, "former.tar.gz")
}

func (s *session) standInPath() string {
	return filepath.Join(s.root, generation.Dir, "standins.json")
}

// leave notes how hostctl leaves the machine at generation n, so that what apt
// and dpkg do from now on by hand can be told.
func (s *session) leave(n int, now *inventory.Inventory, packed []byte) error {
	if err := system.WriteFile(s.formerPath(), packed, 0o600, os.Getuid(), os.Getgid()); err != nil {
		return fmt.Errorf("cannot keep dpkg's database as it is: %w", err)
	}
	return s.store.SetDatabase(n, now.Database)
}

// foreign says whether somebody used apt or dpkg since the current generation
// was left.
func (s *session) foreign() (bool, error) {
	if !s.begun {
		return false, nil
	}
	was, err := s.store.Database(s.current)
	if err != nil || was == "" {
		return false, err
	}
	is, err := apt.DatabaseDigest(system.Root(s.root), nil)
	return was != is, err
}

// absorb makes a generation of what apt and dpkg did by hand, so that the way
// back leads past it (engine rule 17). Nothing on the machine changes.
func (s *session) absorb() error {
	if foreign, err := s.foreign(); err != nil || !foreign {
		return err
	}
	if err := s.dropPostponed(); err != nil { // it was staged on what is no more
		return err
	}
	number, err := s.store.Next()
	if err != nil {
		return err
	}
	edge, now, err := s.absorbed(number)
	if err != nil || edge == nil {
		return errors.Join(err, stage.Discard(s.root, number))
	}
	what := summary(edge.Changes)
	rec := &generation.Record{
		Meta: generation.Meta{
			Number: number, Parent: s.current, Time: time.Now(), Host: s.prev.Name, User: "by hand", Command: "absorbed: " + what,
			Hostctl: version(), Absorbed: true, Lost: edge.Lost, Folders: s.meta.Folders,
			SpecDigest: s.meta.SpecDigest, LockDigest: s.meta.LockDigest,
		},
		Spec: s.prev, Plan: &spec.Plan{Version: plan.Version, Host: s.prev.Name, Generation: s.current, Changes: edge.Changes, Kept: s.meta.KeptPackages}, Found: s.found, Lock: s.locked, Changeset: edge.Changeset,
	}
	if err := errors.Join(s.keepStandIns(edge.StandIns), s.store.Write(rec, generation.PendingPath(number))); err != nil {
		return errors.Join(err, stage.Discard(s.root, number), s.store.DiscardPending())
	}
	tx := &transaction.Tx{
		ID: fmt.Sprintf("%d-%s", s.current, strconv.FormatInt(time.Now().UnixNano(), 36)), Why: s.commandLine(),
		From: s.current, To: number, Mounts: edge.Changeset.Mounts,
	}
	s.publish(tx, rec)
	if err := s.journal.Commit(tx); err != nil {
		return fmt.Errorf("cannot take note of what apt did by hand: %w", err)
	}
	packed, err := absorb.Pack(system.Root(s.root), now)
	if err != nil {
		return fmt.Errorf("cannot keep dpkg's database as it is: %w", err)
	}
	if err := errors.Join(s.leave(number, now, packed), s.isOf(number), s.journal.Close()); err != nil {
		return err
	}
	s.say("what was done by hand is generation %d: %s", number, what)
	s.sayPaths("what these packages held before is nowhere any more, so no rollback leads past that", edge.Lost)
	return s.load()
}

// absorbed compares the machine with how hostctl left it; nil where that is
// not known.
func (s *session) absorbed(number int) (*absorb.Edge, *inventory.Inventory, error) {
	root := system.Root(s.root)
	former, err := absorb.Load(s.formerPath())
	if err != nil {
		return nil, nil, err
	}
	now, err := inventory.Take(root)
	if err != nil {
		return nil, nil, err
	}
	was, err := s.store.Database(s.current)
	if err != nil {
		return nil, nil, err
	}
	if former == nil || former.Inventory.Database != was {
		s.say("warning: somebody used apt or dpkg since generation %d, and how dpkg's database was then is not known; going back past this brings the older database back", s.current)
		return nil, nil, nil
	}
	mounts, err := stage.Mounts(s.root)
	if err != nil {
		return nil, nil, err
	}
	cache, err := packageCache()
	if err != nil {
		return nil, nil, err
	}
	edge, err := absorb.Make(absorb.Request{
		Root: root, Generation: number, Mounts: mounts, Area: stage.Area(number), Former: former, Now: now, Put: s.objects.Put,
		Deb: func(name, version, arch string) string { return cache.FindDeb(root, name, version, arch) },
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot take note of what apt did by hand: %w", err)
	}
	return edge, now, nil
}

// summary says in one line what happened to packages.
func summary(changes []spec.Change) string {
	const most = 5
	var out []string
	for _, c := range changes {
		before, after := c.Fields[0].Before, c.Fields[0].After
		switch c.Action {
		case spec.Create:
			out = append(out, c.ID.Name+" "+after+" installed")
		case spec.Delete:
			out = append(out, c.ID.Name+" "+before+" removed")
		default:
			out = append(out, c.ID.Name+" "+before+" -> "+after)
		}
	}
	switch {
	case len(out) == 0:
		return "dpkg's database, by hand"
	case len(out) > most:
		return fmt.Sprintf("%s and %d more packages, by hand", strings.Join(out[:most], ", "), len(out)-most)
	}
	return strings.Join(out, ", ") + ", by hand"
}

// standIns are the nodes that were made again, oldest first.
func (s *session) standIns() ([]node.StandIn, error) {
	var out []node.StandIn
	b, err := os.ReadFile(s.standInPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which files were made again: %w", err)
	}
	return out, nil
}

func (s *session) keepStandIns(more []node.StandIn) error {
	all, err := s.standIns()
	if err != nil || len(more) == 0 {
		return err
	}
	return s.writeStandIns(append(all, more...))
}

// pruneStandIns forgets nodes that were made again for records that are gone.
func (s *session) pruneStandIns(named map[uint64]bool) error {
	all, err := s.standIns()
	left := node.StillMeant(all, named)
	if err != nil || len(left) == len(all) {
		return err
	}
	return s.writeStandIns(left)
}

func (s *session) writeStandIns(all []node.StandIn) error {
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return system.WriteFile(s.standInPath(), b, 0o600, os.Getuid(), os.Getgid())
}

// crossing looks at the generations that were absorbed on the way to another
// one: what by hand became of packages is undone or done again with them. It
// refuses a way back to what is nowhere any more.
func (s *session) crossing(to int) (undone, done []spec.Change, err error) {
	undo, apply, err := s.store.Route(s.current, to)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range undo {
		meta, changes, err := s.byHand(n)
		if err != nil {
			return nil, nil, err
		}
		if len(meta.Lost) > 0 {
			return nil, nil, fmt.Errorf("cannot go back past generation %d: by hand somebody removed or upgraded %s, and what they held before is neither in hostctl's nor in apt's cache; "+
				"'hostctl switch' with the configuration of generation %d installs them anew", n, strings.Join(meta.Lost, ", "), to)
		}
		undone = append(undone, changes...)
	}
	for _, n := range apply {
		_, changes, err := s.byHand(n)
		if err != nil {
			return nil, nil, err
		}
		done = append(done, changes...)
	}
	return undone, done, nil
}

// byHand is what somebody did by hand of which a generation was made; nothing
// of another one.
func (s *session) byHand(n int) (generation.Meta, []spec.Change, error) {
	meta, err := s.store.Meta(n)
	if err != nil || !meta.Absorbed {
		return meta, nil, err
	}
	p, err := s.store.Plan(n)
	if err != nil {
		return meta, nil, err
	}
	return meta, p.Changes, nil
}

// withForeign is a lock, and what was installed by hand.
func withForeign(lock []spec.Locked, changes []spec.Change, arch string) []spec.Locked {
	lock = slices.Clone(lock)
	for _, c := range changes {
		if c.Action == spec.Create {
			name, foreign, _ := strings.Cut(c.ID.Name, ":")
			if foreign == "" {
				foreign = arch
			}
			lock = append(lock, spec.Locked{Name: name, Version: c.Fields[0].After, Arch: foreign})
		}
	}
	return lock
}
