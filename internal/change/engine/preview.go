package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Foreseen is what a change would do to units.
type Foreseen = activate.Foreseen

// Foresee stages a target, tells what a switch to it would do to units, and deletes
// the stage.
func (m *Machine) Foresee(ctx context.Context, target *Target, p *spec.Plan, verbose bool) (found *Foreseen, err error) {
	if p.Empty() {
		return activate.NothingForeseen(), nil
	}
	hashes, err := m.provide(ctx, target, p)
	if err != nil {
		return nil, err
	}
	number, res, err := m.stageNext(ctx, target, p, hashes, verbose)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Discard(m.Root, number)) }()
	if err := res.Gone(); err != nil {
		return nil, err
	}
	rec := &generation.Record{Meta: generation.Meta{Number: number, Parent: m.current}, Changeset: res.Changeset, Accounts: []account.Delta{res.Accounts}}
	route, err := m.way(number, rec)
	if err != nil {
		return nil, err
	}
	tx, err := route.files.Tx()
	if err != nil {
		return nil, err
	}
	after, err := os.MkdirTemp("/run", "hostctl-after-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(after)) }()
	if err := m.preview(res, after); err != nil {
		return nil, fmt.Errorf("cannot tell what the units will be: %w", err)
	}
	healthy, err := activate.Health(ctx)
	if err != nil {
		return nil, err
	}
	return activate.Foresee(ctx, m.request(&change{plan: p, want: target.Host, services: res.Services, tx: tx, healthy: healthy}), system.Root(after))
}

// preview writes what decides about units as it will be, into a root of its own.
func (m *Machine) preview(res *stage.Result, after string) error {
	folders := []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system",
		"/etc/init.d", "/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"}
	if err := stage.Preview(m.Root, res.Changeset, folders, after); err != nil {
		return err
	}
	files, err := account.Read(system.Root(m.Root))
	if err != nil {
		return err
	}
	if files, err = res.Accounts.Apply(files); err != nil {
		return err
	}
	for _, path := range []string{account.Passwd, account.Group} {
		if err := os.WriteFile(filepath.Join(after, path), files[path], 0o600); err != nil {
			return err
		}
	}
	return nil
}
