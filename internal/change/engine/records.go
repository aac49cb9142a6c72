package engine

import (
	"strings"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/spec"
)

// Generation is one on record, with its place among the others.
type Generation struct {
	generation.Meta
	Current bool             `json:"current"`
	Booted  bool             `json:"booted"`
	Failed  string           `json:"failed,omitempty"`
	Pinned  *string          `json:"pinned,omitempty"` // the reason
	Size    map[string]int64 `json:"size"`             // bytes of its undo and its record, by mount point
	// AtBoot is "waiting" for one that the next boot applies, and of the
	// current one "trial" until the next boot, or "unconfirmed".
	AtBoot string `json:"at_boot,omitempty"`
}

// Numbers are those of a machine's generations.
func Numbers(root string) ([]int, error) { return generation.Store{Root: root}.Numbers() }

// List prints numbers of generations for people: "1, 2 and 3".
func List(numbers []int) string { return generation.List(numbers) }

// Generations are those on record, and last one that waits for the next boot.
func (m *Machine) Generations() ([]Generation, error) {
	numbers, err := m.store.Numbers()
	if err != nil {
		return nil, err
	}
	rows := []Generation{}
	for _, n := range numbers {
		row, _, err := m.listed(n)
		if err != nil {
			return nil, err
		}
		rows = append(rows, *row)
	}
	return m.withAtBoot(rows)
}

// Detail is a generation with what it changed.
type Detail struct {
	Generation
	Changed  map[spec.Kind]int `json:"changed"`  // changes of its plan, by kind
	Packages int               `json:"packages"` // in its lock
	Paths    int               `json:"paths"`    // that differ from its parent

	Plan *spec.Plan `json:"-"`
}

// Detail is one generation in full.
func (m *Machine) Detail(n int) (*Detail, error) {
	row, rec, err := m.listed(n)
	if err != nil {
		return nil, err
	}
	out := &Detail{Generation: *row, Changed: map[spec.Kind]int{}, Packages: len(rec.Lock), Paths: len(rec.Changeset.Entries), Plan: rec.Plan}
	for _, c := range rec.Plan.Changes {
		out.Changed[c.ID.Kind]++
	}
	return out, nil
}

// Compare plans the way from one record to another, without a machine.
func (m *Machine) Compare(from, to int) (*spec.Plan, error) {
	a, err := m.store.Load(from)
	if err != nil {
		return nil, err
	}
	b, err := m.store.Load(to)
	if err != nil {
		return nil, err
	}
	return m.between(a, b)
}

// Pin keeps a generation from being deleted, for a reason.
func (m *Machine) Pin(n int, reason string) error { return m.store.Pin(n, reason) }

// Unpin lets it go again.
func (m *Machine) Unpin(n int) error { return m.store.Unpin(n) }

// Standing is the current generation of the machine below root, and the one that the
// next boot applies, 0 for none.
func Standing(root string) (current, waiting int, err error) {
	store := generation.Store{Root: root}
	if current, _, err = store.Current(); err != nil {
		return 0, 0, err
	}
	at, err := store.AtBoot()
	if err == nil && at.Waits() {
		waiting = at.Apply
	}
	return current, waiting, err
}

// listed reads one record, and its place among the others.
func (m *Machine) listed(n int) (*Generation, *generation.Record, error) {
	rec, err := m.store.Load(n)
	if err != nil {
		return nil, nil, err
	}
	points, err := stage.Points(m.Root)
	if err != nil {
		return nil, nil, err
	}
	bytes, err := m.store.Size(rec, points)
	if err != nil {
		return nil, nil, err
	}
	booted, err := m.booted()
	if err != nil {
		return nil, nil, err
	}
	row := &Generation{
		Meta: rec.Meta, Current: m.begun && n == m.current, Booted: n == booted,
		Failed: strings.TrimSpace(m.store.Failed(n)), Size: bytes,
	}
	if reason, ok := m.store.Pinned(n); ok {
		row.Pinned = &reason
	}
	return row, rec, nil
}

// withAtBoot adds what the next boot does to the list.
func (m *Machine) withAtBoot(rows []Generation) ([]Generation, error) {
	at, err := m.store.AtBoot()
	switch {
	case err != nil || at == nil:
		return rows, err
	case at.Waits():
		rec, err := m.store.Pending(at.Apply)
		if err != nil {
			return rows, err
		}
		return append(rows, Generation{Meta: rec.Meta, AtBoot: "waiting"}), nil
	}
	for i := range rows {
		switch {
		case !rows[i].Current || !at.Trial():
		case at.Window > 0:
			rows[i].AtBoot = "unconfirmed"
		default:
			rows[i].AtBoot = "trial"
		}
	}
	return rows, nil
}
