package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/spec"
)

// Built is a generation that waits for a switch.
type Built struct {
	Generation int              `json:"generation"`
	Record     string           `json:"record"`
	Size       map[string]int64 `json:"size"` // bytes, by mount point

	root string
}

// Folder is what it takes room in on the file system mounted at point.
func (b *Built) Folder(point string) string {
	return filepath.Join(b.root, point, node.AreaName, stage.Area(b.Generation))
}

// Build stages a target as the next generation, and keeps the stage for a switch to
// exactly that.
func (m *Machine) Build(ctx context.Context, target *Target, p *spec.Plan, verbose bool) (*Built, error) {
	rec, err := m.keepBuild(ctx, target, p, verbose)
	if err != nil {
		return nil, fmt.Errorf("cannot build, nothing on this machine was changed: %w", err)
	}
	points, err := stage.Points(m.Root)
	if err != nil {
		return nil, err
	}
	size, err := m.store.Size(rec, points)
	return &Built{rec.Meta.Number, filepath.Join(m.Root, generation.BuildPath), size, m.Root}, err
}

func (m *Machine) keepBuild(ctx context.Context, target *Target, p *spec.Plan, verbose bool) (*generation.Record, error) {
	if err := m.absorb(); err != nil {
		return nil, err
	}
	p.Generation = m.current
	hashes, err := m.provide(ctx, target, p)
	if err != nil {
		return nil, err
	}
	if err := m.dropBuild(); err != nil {
		return nil, err
	}
	rec, err := m.stageNew(ctx, target, p, hashes, verbose)
	if err != nil {
		return nil, err
	}
	number := rec.Meta.Number
	saved, err := m.Save(p, target.Host, target.Lock)
	if err == nil {
		_, err = m.way(number, rec)
	}
	if err == nil {
		err = m.store.KeepBuild(number, saved)
	}
	if err != nil {
		return nil, errors.Join(err, m.dropStaged(number), m.dropBuild())
	}
	return rec, nil
}

// fromBuild is what was built for exactly this change, ready for its
// transaction; nil where nothing was, or something has moved since.
func (m *Machine) fromBuild(p *spec.Plan, target *Target) (*generation.Record, error) {
	b, err := m.store.Build()
	if err != nil || b == nil {
		return nil, err
	}
	now, err := spec.BasisOf(target.Host, target.Lock, m.seen)
	if err != nil {
		return nil, err
	}
	moved := b.Of.Basis.Moved(now)
	if same, err := b.Of.Plan.Same(p); err != nil {
		return nil, err
	} else if !same && len(moved) == 0 {
		moved = append(moved, "the plan is another one")
	}
	if len(moved) > 0 {
		m.say("what was built is out of date, %s", strings.Join(moved, "; "))
		return nil, m.dropBuild()
	}
	rec, err := m.store.TakeBuild(b)
	if err != nil {
		return nil, err
	}
	rec.Meta.Time, rec.Meta.User, rec.Meta.Command = time.Now(), m.User, m.Command
	if _, err := m.way(b.Number, rec); err != nil {
		m.say("what was built is out of date: %v", err)
		return nil, m.dropStaged(b.Number)
	}
	m.say("generation %d is built already", b.Number)
	return rec, m.store.Write(rec, generation.PendingPath(b.Number))
}

// dropBuild deletes what was built, if anything was.
func (m *Machine) dropBuild() error {
	b, err := m.store.Build()
	if err != nil || b == nil {
		return err
	}
	return errors.Join(stage.Discard(m.Root, b.Number), os.RemoveAll(filepath.Join(m.Root, generation.BuildPath)))
}
