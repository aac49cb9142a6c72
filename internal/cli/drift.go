package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/change/absorb"
	"github.com/hostctl/hostctl/internal/change/drift"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

type driftOptions struct{ unowned bool }

func newDrift(e *env) *cobra.Command {
	var opts driftOptions
	c := &cobra.Command{
		Use:   "drift",
		Short: "Show changes made outside hostctl",
		Long: `drift compares this machine with its current generation and lists everything
that somebody changed since without hostctl: files, packages, accounts, units,
kernel parameters, mounts. Each item says what differs, how it was, how it is
now, which line asked for it, and what the next switch does about it. drift
needs no flake, writes only to its own cache, and runs no program except nft(8),
which prints the firewall rules.

Exit codes: 0 no drift, 1 failed, 2 drift.`,
		Example: "  hostctl drift\n  hostctl drift --unowned\n  hostctl drift --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runDrift(c.Context(), e, opts) },
	}
	c.Flags().BoolVar(&opts.unowned, "unowned", false, "list every file below /etc, /opt, /usr and /var/lib, too, that no package and no configuration owns")
	return c
}

func runDrift(ctx context.Context, e *env, opts driftOptions) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	open, err := s.journal.Open()
	if err != nil {
		return err
	}
	if open != "" {
		s.say("warning: an earlier run was interrupted, so this machine may be between two generations; run 'hostctl recover'")
	}
	d, err := s.drift(ctx, opts)
	if err != nil {
		return fmt.Errorf("cannot tell what drifted: %w", err)
	}
	if e.json {
		err = render.DriftJSON(e.stdout, d)
	} else {
		err = render.Drift(e.stdout, d, render.Options{Color: color(e.stdout)})
	}
	if err == nil && len(d.Items) > 0 {
		return &exitError{code: exitChanges}
	}
	return err
}

// drift compares the machine with its generation.
func (s *session) drift(ctx context.Context, opts driftOptions) (*spec.Drift, error) {
	root := system.Root(s.root)
	p, err := s.plan(s.prev, s.locked)
	if err != nil {
		return nil, err
	}
	base, err := drift.Load(s.baselinePath())
	if err != nil {
		return nil, err
	}
	if base == nil && s.begun {
		s.say("warning: an older hostctl has made this generation and did not note how it found the machine; what no configuration names is compared from the next switch on")
	}
	now, err := inventory.Take(root)
	if err != nil {
		return nil, err
	}
	conffiles, err := apt.Owned(root)
	if err != nil {
		return nil, err
	}
	altered, err := s.altered(root)
	if err != nil {
		return nil, err
	}
	rules, err := s.rules(ctx, now)
	if err != nil {
		return nil, err
	}
	d := &spec.Drift{Version: spec.DriftVersion, Generation: s.current}
	d.Items = drift.Find(drift.Input{Base: base, Now: now, Plan: p, Spec: s.prev, Conffiles: conffiles, Altered: altered, Rules: rules})
	if opts.unowned {
		unowned, err := s.unowned(root, now)
		if err != nil {
			return nil, err
		}
		d.Items = append(d.Items, unreported(unowned, d.Items)...)
	}
	d.Sort()
	return d, nil
}

// rules asks for those of the firewall, while the generation has one and its table
// is there.
func (s *session) rules(ctx context.Context, now *inventory.Inventory) (drift.Rules, error) {
	_, declared := s.prev.Files[spec.FirewallFile]
	if !declared || !s.live() || !now.Tables[spec.FirewallTable] {
		return drift.Rules{}, nil
	}
	meant, is, err := inventory.FirewallRules(ctx, spec.FirewallFile, spec.FirewallTable)
	return drift.Rules{Meant: meant, Now: is}, err
}

// altered compares program files with the sums of their packages.
func (s *session) altered(root system.Root) ([]drift.Altered, error) {
	shipped, err := apt.ShippedFiles(root)
	if err != nil {
		return nil, err
	}
	path, err := s.cachePath("md5")
	if err != nil {
		return nil, err
	}
	cache, err := kind.LoadMD5Cache(path)
	if err != nil {
		return nil, err
	}
	altered, err := drift.Verify(root, shipped, cache)
	if err != nil {
		return nil, err
	}
	return altered, cache.Save(path)
}

func (s *session) unowned(root system.Root, now *inventory.Inventory) ([]spec.DriftItem, error) {
	owners, err := apt.Owners(root)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, area := range drift.UnownedAreas() {
		below, err := inventory.List(root, area)
		if err != nil {
			return nil, err
		}
		paths = append(paths, below...)
	}
	made, err := s.made()
	if err != nil {
		return nil, err
	}
	if self, err := os.Executable(); err == nil {
		made = append(made, self)
	}
	made = append(append(made, bootloader.RecoveryPaths()...), s.prev.Settings.Hostctl)
	return drift.FindUnowned(paths, drift.Known{
		Owners: owners, Spec: s.prev, Paths: append(made, managedPaths(s.prev)...), Files: now.Files,
	}), nil
}

// made are the paths that the current generation and its ancestors brought,
// maintainer scripts included.
func (s *session) made() ([]string, error) {
	if !s.begun {
		return nil, nil
	}
	_, all, err := s.store.Route(0, s.current)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range all {
		r, err := s.store.Load(n)
		if err != nil {
			return nil, err
		}
		if r.Meta.Absorbed {
			continue
		}
		for _, e := range r.Changeset.Entries {
			if e.After != nil {
				out = append(out, e.Path)
			}
		}
	}
	return out, nil
}

// unreported leaves out what items say already.
func unreported(unowned, items []spec.DriftItem) []spec.DriftItem {
	said := map[string]bool{}
	for _, i := range items {
		said[i.Where] = true
	}
	return slices.DeleteFunc(unowned, func(i spec.DriftItem) bool { return said[i.Where] })
}

// baselinePath is where the inventory is kept that drift compares with.
func (s *session) baselinePath() string {
	return filepath.Join(s.root, generation.Dir, "baseline.json")
}

// arrive brings the baseline to the generation that is current. It says of which
// it is in a file of its own, so that a run that is killed loses nothing.
func (s *session) arrive() error {
	n, begun, err := s.store.Current()
	if err != nil || !begun {
		return err
	}
	b, err := os.ReadFile(s.baselineOf())
	switch at, wrong := strconv.Atoi(strings.TrimSpace(string(b))); {
	case errors.Is(err, fs.ErrNotExist): // an older hostctl made the generation
		return s.takeBaseline(n)
	case err != nil || wrong != nil:
		return fmt.Errorf("cannot tell of which generation the baseline is: %s: %w", s.baselineOf(), errors.Join(err, wrong))
	case at != n:
		return s.updateBaseline(at, n)
	}
	return nil
}

func (s *session) baselineOf() string {
	return filepath.Join(s.root, generation.Dir, "baseline.generation")
}

// isOf says of which generation the baseline is, which is then complete.
func (s *session) isOf(n int) error {
	return system.WriteFile(s.baselineOf(), []byte(strconv.Itoa(n)+"\n"), 0o600, os.Getuid(), os.Getgid())
}

// takeBaseline notes what the machine is at generation n, of which nothing is
// noted yet: before hostctl changes anything that is 0.
func (s *session) takeBaseline(n int) error {
	found, err := s.takeStock()
	if err != nil {
		return err
	}
	if err := s.keepBaseline(n, found.now, found); err != nil {
		return err
	}
	return s.isOf(n)
}

// updateBaseline brings the baseline up to date with the generations on the way from
// one to another. What others changed stays out of it.
func (s *session) updateBaseline(from, to int) error {
	t, touchedErr := s.touchedBetween(from, to)
	found, err := s.stock()
	if err != nil { // as it may be that was taken beside something else
		found, err = s.takeStock()
	}
	if err := errors.Join(err, touchedErr); err != nil {
		return err
	}
	base, now := found.base, found.now
	if base == nil {
		return s.takeBaseline(to)
	}
	drift.Update(base, now, t)
	was, err := s.store.Database(to)
	if err != nil {
		return err
	}
	if was != "" && was != now.Database {
		s.say("warning: dpkg's database is not the one that generation %d had; run 'dpkg --audit'", to)
	}
	if err := s.keepBaseline(to, base, found); err != nil {
		return err
	}
	return s.isOf(to)
}

// stock is what the machine is, what of it is to be kept, and the baseline that is
// kept so far, nil for none.
type stock struct {
	base, now *inventory.Inventory
	packed    []byte
}

func (s *session) takeStock() (*stock, error) {
	var found stock
	var both errgroup.Group
	both.Go(func() (err error) {
		found.base, err = drift.Load(s.baselinePath())
		return err
	})
	both.Go(func() (err error) {
		if found.now, err = inventory.Take(system.Root(s.root)); err == nil {
			found.packed, err = absorb.Pack(system.Root(s.root), found.now)
		}
		return err
	})
	return &found, both.Wait()
}

// takeStockBeside begins to take stock while something else is waited for.
func (s *session) takeStockBeside() {
	s.stock = sync.OnceValues(s.takeStock)
	go s.stock()
}

// keepBaseline writes what is known of the machine at generation n.
func (s *session) keepBaseline(n int, base *inventory.Inventory, found *stock) error {
	var both errgroup.Group
	both.Go(func() error { return drift.Save(s.baselinePath(), base) })
	both.Go(func() error { return s.leave(n, found.now, found.packed) })
	return both.Wait()
}

// touchedBetween is what the generations on the way from one to another changed.
func (s *session) touchedBetween(from, to int) (t drift.Touched, err error) {
	undo, apply, err := s.store.Route(from, to)
	if err != nil {
		return t, err
	}
	root := system.Root(s.root)
	for _, n := range slices.Concat(undo, apply) {
		r, err := s.store.Load(n)
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
		lock, err := s.store.Lock(n)
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
