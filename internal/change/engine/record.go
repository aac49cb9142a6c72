package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// record writes the generation's record where its transaction will publish
// it, and stores the contents that it names.
func (m *Machine) record(t *Target, p *spec.Plan, number int, res *stage.Result) (*generation.Record, error) {
	read := m.blobOf(t.Host)
	for _, digest := range t.Host.Stored() {
		b, err := read(digest)
		if err != nil {
			return nil, err
		}
		if _, err := m.objects.Put(b); err != nil {
			return nil, err
		}
	}
	for digest, place := range res.Config {
		if err := m.keepConfig(digest, place); err != nil {
			return nil, err
		}
	}
	digest, err := t.Host.Digest()
	if err != nil {
		return nil, err
	}
	found := res.Found
	found.Sysctls = m.found.NextSysctls(t.Host.Sysctls, m.prev.Sysctls, m.seen.LiveSysctls)
	rec := &generation.Record{
		Meta: generation.Meta{
			Number: number, Parent: m.current, Time: time.Now(), Host: t.Host.Name, User: m.User, Command: m.Command,
			Commit: t.Commit, Dirty: t.Dirty, Hostctl: m.Version, SpecDigest: digest, LockDigest: p.LockDigest,
			Folders: res.Folders,
		},
		Spec: t.Host, Plan: p, Found: found, Lock: t.Lock, Changeset: res.Changeset, Accounts: []account.Delta{res.Accounts}, Services: res.Services, Boot: res.Boot,
	}
	return rec, m.store.Write(rec, generation.PendingPath(number))
}

// keepConfig stores the bytes of a config file that the stage saw at a place.
func (m *Machine) keepConfig(digest string, place node.Place) error {
	b, err := place.Read(m.Root)
	if err != nil {
		return fmt.Errorf("cannot keep what is at %s: %w", place.Path, err)
	}
	if spec.Sum(b) != digest {
		return fmt.Errorf("cannot keep what is at %s: it changed while the stage was built; run the command again", place.Path)
	}
	_, err = m.objects.Put(b)
	return err
}

// begin records generation 0, the machine as it was found, before the first
// change. Its baseline is read while that one is staged; noted waits for it.
func (m *Machine) begin(name, arch string) (noted *system.Later[struct{}], err error) {
	if m.begun {
		return system.Start(func() (none struct{}, err error) { return none, nil }), nil
	}
	found := emptyHost()
	found.Name, found.System = name, arch
	zero := &generation.Record{
		Meta: generation.Meta{Number: 0, Parent: -1, Time: time.Now(), User: m.User, Command: m.Command, Hostctl: m.Version},
		Spec: found, Plan: emptyPlan(), Changeset: changeset.New(0),
	}
	at, pending := filepath.Join(m.Root, generation.Path(0)), generation.PendingPath(0)
	err = errors.Join(m.store.Adopt(m.adopted), m.store.Write(zero, pending), os.RemoveAll(at)) // of a run that ended before its link
	if err == nil {
		err = errors.Join(os.Rename(filepath.Join(m.Root, pending), at), system.SyncDir(filepath.Dir(at)))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot record the machine as it is: %w", err)
	}
	if err := os.Symlink(generation.Link(0), filepath.Join(m.Root, generation.CurrentPath)); err != nil {
		return nil, err
	}
	if err := m.load(); err != nil {
		return nil, err
	}
	return system.Start(func() (struct{}, error) {
		if err := m.baseline.Take(0); err != nil {
			return struct{}{}, fmt.Errorf("cannot record the machine as it is: %w", err)
		}
		return struct{}{}, nil
	}), nil
}

func emptyPlan() *spec.Plan { return &spec.Plan{Version: spec.Version, Changes: []spec.Change{}} }
