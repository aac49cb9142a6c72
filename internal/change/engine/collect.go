package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
)

// Collection is what can be deleted: generations, and what nobody needs then.
type Collection struct {
	Deleted []int             `json:"deleted"`
	Stay    []generation.Fork `json:"stay"`  // forks that cannot go
	Freed   map[string]int64  `json:"freed"` // bytes, by mount point

	machine *Machine
	prune   *generation.Prune
	garbage *generation.Garbage
}

// Deletion is a collection of these generations. Those that cannot be deleted are an
// error.
func (m *Machine) Deletion(numbers []int) (*Collection, error) {
	var errs []error
	for _, n := range numbers {
		errs = append(errs, m.deletable(n))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	numbers = slices.Sorted(slices.Values(numbers))
	p, forks, err := m.store.PlanPrune(m.current, slices.Compact(numbers))
	if err != nil {
		return nil, err
	}
	for _, f := range forks {
		errs = append(errs, fmt.Errorf("cannot delete generation %d: %w", f.Number, f))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%w\nnothing was deleted", err)
	}
	return m.collection(p, nil)
}

// Garbage is a collection of what no generation needs, what was built included.
func (m *Machine) Garbage() (*Collection, error) { return m.leftover(nil) }

// Old is Garbage, with the generations beyond the newest keep that were made before
// then and that nothing keeps.
func (m *Machine) Old(keep int, before time.Time) (*Collection, error) {
	gone, err := m.old(keep, before)
	if err != nil {
		return nil, err
	}
	return m.leftover(gone)
}

func (m *Machine) leftover(gone []int) (*Collection, error) {
	p, forks, err := m.store.PlanPrune(m.current, gone)
	if err != nil {
		return nil, err
	}
	p.Build = true
	return m.collection(p, forks)
}

func (m *Machine) collection(p *generation.Prune, forks []generation.Fork) (*Collection, error) {
	points, err := stage.Points(m.Root)
	if err != nil {
		return nil, err
	}
	garbage, err := m.store.Garbage(p, points)
	if err != nil {
		return nil, err
	}
	slices.Sort(p.Gone)
	return &Collection{append([]int{}, p.Gone...), append([]generation.Fork{}, forks...), garbage.Bytes, m, p, garbage}, nil
}

// Delete deletes it.
func (c *Collection) Delete() error {
	if err := c.machine.store.Prune(c.prune); err != nil {
		return fmt.Errorf("%w; the next run finishes or forgets it", err)
	}
	if err := c.garbage.Remove(); err != nil {
		return fmt.Errorf("cannot free all that was freed, 'hostctl gc' tries again: %w", err)
	}
	return c.machine.store.PruneStandIns(c.garbage.Named)
}
