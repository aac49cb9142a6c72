// Package baseline notes what a machine is whenever hostctl leaves it: what drift
// compares with, and dpkg's database, from which is told what somebody did by hand.
package baseline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/change/absorb"
	"github.com/hostctl/hostctl/internal/change/drift"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"golang.org/x/sync/errgroup"
)

// Baseline is the one of a machine.
type Baseline struct {
	Root string
	Say  func(format string, args ...any)

	found *system.Later[*stock] // once the machine is as it is to be; nil before
}

// Path is where the inventory is kept that drift compares with.
func (b *Baseline) Path() string {
	return filepath.Join(b.Root, generation.Dir, "baseline.json")
}

// Arrive brings the baseline to the generation that is current. It says of which
// it is in a file of its own, so that a run that is killed loses nothing.
func (b *Baseline) Arrive() error {
	n, begun, err := b.store().Current()
	if err != nil || !begun {
		return err
	}
	text, err := os.ReadFile(b.numberPath())
	switch at, wrong := strconv.Atoi(strings.TrimSpace(string(text))); {
	case errors.Is(err, fs.ErrNotExist): // an older hostctl made the generation
		return b.Take(n)
	case err != nil || wrong != nil:
		return fmt.Errorf("cannot tell which generation the baseline is of: %s: %w", b.numberPath(), errors.Join(err, wrong))
	case at != n:
		return b.update(at, n)
	}
	return nil
}

func (b *Baseline) store() generation.Store { return generation.Store{Root: b.Root} }

func (b *Baseline) numberPath() string {
	return filepath.Join(b.Root, generation.Dir, "baseline.generation")
}

// IsOf says of which generation the baseline is, which is then complete.
func (b *Baseline) IsOf(n int) error {
	return system.WriteFile(b.numberPath(), []byte(strconv.Itoa(n)+"\n"), 0o600, os.Getuid(), os.Getgid())
}

// Take notes what the machine is at generation n, of which nothing is
// noted yet: before hostctl changes anything that is 0.
func (b *Baseline) Take(n int) error {
	found, err := b.takeStock()
	if err != nil {
		return err
	}
	if err := b.keep(n, found.now, found); err != nil {
		return err
	}
	return b.IsOf(n)
}

// update brings the baseline up to date with the generations on the way from
// one to another. What others changed stays out of it.
func (b *Baseline) update(from, to int) error {
	t, touchedErr := b.touchedBetween(from, to)
	found, err := b.look()
	if err := errors.Join(err, touchedErr); err != nil {
		return err
	}
	base, now := found.base, found.now
	if base == nil {
		return b.Take(to)
	}
	drift.Update(base, now, t)
	was, err := b.store().Database(to)
	if err != nil {
		return err
	}
	if was != "" && was != now.Database {
		b.Say("warning: dpkg's database is not the one that generation %d had; run 'dpkg --audit'", to)
	}
	if err := b.keep(to, base, found); err != nil {
		return err
	}
	return b.IsOf(to)
}

// look is the stock that was taken, or else takes it: what was taken beside something
// else may have failed.
func (b *Baseline) look() (*stock, error) {
	if b.found != nil {
		if found, err := b.found.Wait(); err == nil {
			return found, nil
		}
	}
	return b.takeStock()
}

// stock is what the machine is, what of it is to be kept, and the baseline that is
// kept so far, nil for none.
type stock struct {
	base, now *inventory.Inventory
	packed    []byte
}

func (b *Baseline) takeStock() (*stock, error) {
	var found stock
	var both errgroup.Group
	both.Go(func() (err error) {
		found.base, err = drift.Load(b.Path())
		return err
	})
	both.Go(func() (err error) {
		if found.now, err = inventory.Take(system.Root(b.Root)); err == nil {
			found.packed, err = absorb.Pack(system.Root(b.Root), found.now)
		}
		return err
	})
	return &found, both.Wait()
}

// Begin begins to look at the machine while something else is waited for.
func (b *Baseline) Begin() { b.found = system.Start(b.takeStock) }

// Forget drops what Begin has found: the machine is another now.
func (b *Baseline) Forget() { b.found = nil }

// keep writes what is known of the machine at generation n.
func (b *Baseline) keep(n int, base *inventory.Inventory, found *stock) error {
	var both errgroup.Group
	both.Go(func() error { return drift.Save(b.Path(), base) })
	both.Go(func() error { return b.Leave(n, found.now, found.packed) })
	return both.Wait()
}

// touchedBetween is what the generations on the way from one to another changed.
func (b *Baseline) touchedBetween(from, to int) (t drift.Touched, err error) {
	undo, apply, err := b.store().Route(from, to)
	if err != nil {
		return t, err
	}
	root := system.Root(b.Root)
	for _, n := range slices.Concat(undo, apply) {
		r, err := b.store().Load(n)
		if err != nil {
			return t, err
		}
		if r.Meta.Absorbed {
			continue
		}
		for _, e := range r.Changeset.Entries {
			t.Paths = append(t.Paths, e.Path)
			t.Sysctls = append(t.Sysctls, drift.SysctlKeys(root, e.Path)...)
		}
		for _, c := range r.Plan.Of(spec.KindPackage) {
			t.Packages = append(t.Packages, c.ID.Name)
		}
		t.Accounts = append(t.Accounts, r.Accounts...)
	}
	for _, n := range []int{from, to} { // the edge of a deleted generation has no plan of its own
		lock, err := b.store().Lock(n)
		if err != nil {
			return t, err
		}
		for _, l := range lock {
			t.Packages = append(t.Packages, l.Name)
		}
	}
	t.Paths = append(t.Paths, bootloader.RecoveryPaths()...)
	return t, nil
}

// Leave notes how hostctl leaves the machine at generation n, so that what apt
// and dpkg do from now on by hand can be told.
func (b *Baseline) Leave(n int, now *inventory.Inventory, packed []byte) error {
	if err := system.WriteFile(b.FormerPath(), packed, 0o600, os.Getuid(), os.Getgid()); err != nil {
		return fmt.Errorf("cannot keep dpkg's database as it is: %w", err)
	}
	return b.store().SetDatabase(n, now.Database)
}

func (b *Baseline) FormerPath() string {
	return filepath.Join(b.Root, generation.Dir, "former.tar.gz")
}
