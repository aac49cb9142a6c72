package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

func newUpdate(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "update [INPUT...]",
		Short: "Lock inputs and packages at their current versions",
		Long: `update writes flake.lock and hosts/NAME/packages.lock. It looks up what the
inputs' urls point to now, and asks apt's solver which packages, in which
versions, each host (or the one that --host names) needs. If any of this fails,
every lock stays as it is. update changes no machine. Commit the files, and
'hostctl switch' installs exactly what they list.

With INPUTs, update looks up only these. It locks an input's own inputs as that
input's lock has them. It resolves packages again if one of the INPUTs is a
Debian input, or if a host's lock lacks something that the host now asks for.

Packages come from the mirror in this machine's apt sources, or from
HOSTCTL_MIRROR. Inputs with ?snapshot=DATE come from HOSTCTL_SNAPSHOT. The proxy
is that of HTTP_PROXY and HTTPS_PROXY, or else apt's. update always verifies the
repositories' signatures and dates.`,
		Example:           "  hostctl update\n  hostctl update hardware --host fw16-nix",
		ValidArgsFunction: completeInputs(e),
		RunE:              func(c *cobra.Command, args []string) error { return runUpdate(c.Context(), e, args) },
	}
}

// lockChange is what update did to one host's packages.lock.
type lockChange struct {
	Host     string       `json:"host"`
	Changes  []spec.Field `json:"changes"` // by package name: versions before and after
	Packages int          `json:"packages"`
	Bytes    int64        `json:"bytes"` // of all .debs
	lock     []spec.Locked
}

func runUpdate(ctx context.Context, e *env, inputs []string) error {
	if e.offline {
		return errors.New("cannot update: --offline fetches nothing, and what is current is elsewhere")
	}
	f, diags := e.readFlake(ctx)
	if err := e.report(f, diags); err != nil {
		return err
	}
	e.at(engine.Step{What: "looking up inputs"})
	changed, err := f.Update(ctx, inputs)
	if err != nil {
		return err
	}
	if err := e.report(f, newWarnings(f.Warnings(), diags)); err != nil {
		return err
	}
	hosts := f.Hosts()
	if e.host != "" {
		hosts = []string{e.host}
	}
	anew := len(inputs) == 0 || slices.ContainsFunc(f.Debian(), func(d flake.DebianInput) bool { return slices.Contains(inputs, d.Name) })
	changes := []lockChange{}
	for _, host := range hosts {
		change, err := resolveHost(ctx, e, f, host, anew)
		if err != nil {
			return fmt.Errorf("host %s: %w", host, err)
		}
		changes = append(changes, *change)
	}
	e.still()
	if err := writeLocks(f, changes); err != nil {
		return fmt.Errorf("cannot update: %w", err)
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(struct {
			Inputs []flake.InputChange `json:"inputs"`
			Hosts  []lockChange        `json:"hosts"`
		}{changed, changes})
	}
	if err := printInputChanges(e.stdout, changed); err != nil {
		return err
	}
	for _, c := range changes {
		if err := c.print(e.stdout); err != nil {
			return err
		}
	}
	return nil
}

// newWarnings are those that were not said when the flake was loaded.
func newWarnings(now, before hcl.Diagnostics) hcl.Diagnostics {
	return slices.DeleteFunc(now, func(d *hcl.Diagnostic) bool {
		return slices.ContainsFunc(before, func(b *hcl.Diagnostic) bool { return b.Detail == d.Detail })
	})
}

func printInputChanges(out io.Writer, changes []flake.InputChange) error {
	var text strings.Builder
	short := func(version string) string { return version[:min(12, len(version))] }
	for _, c := range changes {
		switch {
		case c.Before == "":
			fmt.Fprintf(&text, "input + %s %s\n", c.Name, short(c.After))
		case c.After == "":
			fmt.Fprintf(&text, "input - %s %s\n", c.Name, short(c.Before))
		default:
			fmt.Fprintf(&text, "input ~ %s %s -> %s\n", c.Name, short(c.Before), short(c.After))
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func resolveHost(ctx context.Context, e *env, f *flake.Flake, name string, anew bool) (*lockChange, error) {
	bounded, end := e.bounded(ctx)
	defer end()
	res, diags := eval.Host(bounded, f, name)
	end()
	if err := e.report(f, diags); err != nil {
		return nil, err
	}
	old, err := oldPackageLock(f, name)
	if err != nil {
		return nil, err
	}
	if !anew && checkLock(res.Spec, old, name) == nil {
		return compareLocks(name, old, old), nil
	}
	cache, err := e.packageCache()
	if err != nil {
		return nil, err
	}
	e.say("%s: resolving packages", name)
	lock, err := cache.Resolve(ctx, res.Spec.System, debianSources(f), res.Spec.Packages, func(input string, bytes int64) {
		if input == "" {
			e.at(engine.Step{What: "resolving the packages of", Name: name})
		} else {
			e.at(engine.Step{What: "fetching the package lists of", Name: input, Done: bytes, Unit: engine.MegaBytes})
		}
	})
	if missing, ok := errors.AsType[*apt.NotFoundError](err); ok {
		missing.At = func(pkg string) string { return res.Spec.Origins[spec.ID{Kind: spec.KindPackage, Name: pkg}].String() }
	}
	if err != nil {
		return nil, err
	}
	return compareLocks(name, old, lock), nil
}

// debianSources are the flake's Debian inputs as apt takes them.
func debianSources(f *flake.Flake) []apt.Source {
	var sources []apt.Source
	for _, d := range f.Debian() {
		sources = append(sources, apt.Source{
			Input: d.Name, Suite: d.Suite, Snapshot: d.Snapshot, Keyring: d.Keyring, Components: d.Components,
		})
	}
	return sources
}

func packageLockPath(f *flake.Flake, host string) string { return f.File(packageLockName(host)).Path() }

func packageLockName(host string) string { return filepath.Join("hosts", host, "packages.lock") }

// oldPackageLock is the lock that update replaces. A damaged one is replaced
// too: update is the remedy that ParseLock's error names.
func oldPackageLock(f *flake.Flake, host string) ([]spec.Locked, error) {
	b, err := f.File(packageLockName(host)).Read(tree.MaxData)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lock, err := apt.ParseLock(b)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return lock, nil
}

// writeLocks writes what changed of flake.lock and the packages.locks, all or
// nothing: they are committed together.
func writeLocks(f *flake.Flake, changes []lockChange) error {
	text, err := f.LockText()
	if err != nil {
		return err
	}
	texts := map[string][]byte{flake.LockName: text}
	for _, c := range changes {
		texts[packageLockName(c.Host)] = apt.FormatLock(c.lock)
	}
	files := map[string][]byte{}
	for name, text := range texts {
		old, err := f.File(name).Read(tree.MaxData)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // a link out of the flake, perhaps
		}
		if err != nil || !bytes.Equal(old, text) {
			files[f.File(name).Path()] = text
		}
	}
	return system.WriteFiles(files, 0o644, os.Getuid(), os.Getgid())
}

func compareLocks(host string, old, lock []spec.Locked) *lockChange {
	c := &lockChange{Host: host, Changes: []spec.Field{}, Packages: len(lock), lock: lock}
	byName := map[string]spec.Field{}
	for _, l := range old {
		byName[l.Name] = spec.Field{Name: l.Name, Before: l.Version}
	}
	for _, l := range lock {
		c.Bytes += l.Size
		byName[l.Name] = spec.Field{Name: l.Name, Before: byName[l.Name].Before, After: l.Version}
	}
	for _, name := range sortedKeys(byName) {
		if v := byName[name]; v.Before != v.After {
			c.Changes = append(c.Changes, v)
		}
	}
	return c
}

func (c *lockChange) print(out io.Writer) error {
	var text strings.Builder
	var added, removed, upgraded, downgraded int
	for _, v := range c.Changes {
		switch {
		case v.Before == "":
			added++
			fmt.Fprintf(&text, "  + %s %s\n", v.Name, v.After)
		case v.After == "":
			removed++
			fmt.Fprintf(&text, "  - %s %s\n", v.Name, v.Before)
		default:
			if apt.Compare(v.Before, v.After) < 0 {
				upgraded++
			} else {
				downgraded++
			}
			fmt.Fprintf(&text, "  ~ %s %s -> %s\n", v.Name, v.Before, v.After)
		}
	}
	_, err := fmt.Fprintf(out, "%s: %d added, %d removed, %d upgraded, %d downgraded; %s, %.1f MB\n%s",
		c.Host, added, removed, upgraded, downgraded, spec.Count(c.Packages, "package", "packages"), float64(c.Bytes)/1e6, text.String())
	return err
}
