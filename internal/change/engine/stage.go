package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

func (m *Machine) stageLogPath() string {
	return filepath.Join(m.Root, "var/lib/hostctl/stage.log")
}

// stageNew builds the target as the next generation, and its record.
func (m *Machine) stageNew(ctx context.Context, t *Target, p *spec.Plan, hashes map[string]string, verbose bool) (*generation.Record, error) {
	number, res, err := m.stageNext(ctx, t, p, hashes, verbose)
	if err != nil {
		return nil, err
	}
	rec, err := m.record(t, p, number, res)
	if err = errors.Join(err, res.Gone()); err != nil {
		return nil, errors.Join(err, m.dropStaged(number))
	}
	return rec, nil
}

// stageNext builds the target under the number that the next generation has.
func (m *Machine) stageNext(ctx context.Context, t *Target, p *spec.Plan, hashes map[string]string, verbose bool) (int, *stage.Result, error) {
	number, err := m.store.Next()
	if err != nil {
		return 0, nil, err
	}
	m.say("staging generation %d", number)
	m.at(Step{What: "staging"})
	res, err := m.stage(ctx, t, p, number, hashes, verbose)
	return number, res, err
}

// stage builds the target beside the running root.
func (m *Machine) stage(ctx context.Context, t *Target, p *spec.Plan, number int, hashes map[string]string, verbose bool) (*stage.Result, error) {
	blobs := map[string][]byte{}
	read := m.blobOf(t.Host)
	for _, f := range t.Host.Files {
		if !f.FromBlob() {
			continue
		}
		b, err := read(f.Digest)
		if err != nil {
			return nil, err
		}
		blobs[f.Digest] = b
	}
	tombs, err := m.store.Tombs()
	if err != nil {
		return nil, err
	}
	log, closeLog, err := m.stageLog(verbose)
	if err != nil {
		return nil, err
	}
	defer closeLog()
	res, err := stage.Run(ctx, stage.Request{
		Root: m.Root, Generation: number, Plan: p, Want: t.Host, Prev: m.prev, Found: m.found, Lock: t.Lock,
		PasswordHashes: hashes, Blobs: blobs, Managed: append(managedPaths(t.Host, m.prev), given(p, t.Host.Settings)...), Origins: t.Host.Origins, Tombs: tombs,
		Folders: m.meta.Folders,
	}, newPackageSteps(log, m.at, p))
	if err != nil && !verbose {
		err = fmt.Errorf("%w\nwhat the tools printed is in %s", err, m.stageLogPath())
	}
	return res, err
}

// given are the folders that a plan gives to accounts that are to live there, and
// those in them on the way to the age key. They
// stay where they are when the account goes, and are whose they were.
func given(p *spec.Plan, settings spec.Settings) []string {
	var out []string
	for _, c := range p.Of(spec.KindUser) {
		for _, f := range c.Fields {
			if path, ok := strings.CutPrefix(f.Name, "folder"); ok && f.Before != spec.Missing {
				out = append(append(out, path), settings.KeyFolders(path)...)
			}
		}
	}
	return out
}

// preflight checks everything about secrets before anything is touched, and
// takes the password hashes of accounts.
func (m *Machine) preflight(want *spec.Host) (map[string]string, error) {
	if len(want.Secrets) == 0 {
		return nil, nil
	}
	keys, err := secret.LoadKeys(system.Root(m.Root), want.Settings.AgeKeyFile)
	if err != nil {
		return nil, err
	}
	read := m.blobOf(want)
	if err := keys.Check(want, read); err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(want.Users)) {
		ref := want.Users[name].PasswordSecret
		if ref == "" || want.Users[name].Absent {
			continue
		}
		if hashes[ref], err = keys.Value(want.Secrets[ref], read); err != nil {
			return nil, fmt.Errorf("cannot take the password hash of user %s: %w", name, err)
		}
	}
	return hashes, nil
}

// fetch brings every package that the plan installs into the cache, and from
// there to the stage.
func (m *Machine) fetch(ctx context.Context, t *Target, p *spec.Plan) error {
	install := map[string]bool{}
	for _, c := range p.Of(spec.KindPackage) {
		install[c.ID.Name] = c.Action != spec.Delete
	}
	var need []spec.Locked
	for _, l := range t.Lock {
		if install[l.Name] {
			need = append(need, l)
		}
	}
	if len(need) == 0 {
		return nil
	}
	cache, err := PackageCache(m.Cache)
	if err != nil {
		return err
	}
	if err := m.offlineHas(need, cache); err != nil {
		return err
	}
	if err := m.space().Download(need, cache); err != nil {
		return err
	}
	err = cache.Fetch(ctx, t.Sources, need, func(done, total int64) {
		m.at(Step{What: "fetching packages", Done: done, Total: total, Unit: MegaBytes})
	})
	if err != nil {
		return err
	}
	if err := m.space().Copies(need); err != nil {
		return err
	}
	dir, err := stage.MakeDebs(m.Root)
	if err != nil {
		return err
	}
	return cache.Take(ctx, need, dir)
}

// offlineHas refuses, with --offline, packages that would have to be fetched.
func (m *Machine) offlineHas(need []spec.Locked, cache apt.Cache) error {
	if !m.Offline {
		return nil
	}
	var missing []string
	for _, l := range cache.Missing(need) {
		missing = append(missing, l.Name+" "+l.Version)
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("cannot fetch packages: --offline forbids it, and the cache lacks %s", strings.Join(missing, ", "))
}

// stageLog is where the stage's tools print: the terminal with --verbose,
// otherwise a file that an error names.
func (m *Machine) stageLog(verbose bool) (io.Writer, func(), error) {
	if verbose {
		m.Out.Still() // what the tools print does not come in lines
		return m.Out.Log, func() {}, nil
	}
	f, err := os.OpenFile(m.stageLogPath(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { f.Close() }, nil
}
