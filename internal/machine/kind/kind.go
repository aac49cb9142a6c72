// Package kind is everything that hostctl knows about each sort of resource except
// packages and secrets, one file per kind: how to find it on a host, and how to
// write it into a root. It does not notify running daemons, which is activation's
// job, and does not undo, which is the commit's.
package kind

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"syscall"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// Observe reads the live form of every resource that want or prev names; prev
// may be nil. It starts no program and writes only to the cache. It leaves the
// State of packages and secrets empty.
func Observe(root system.Root, want, prev *spec.Host, cache *StatCache) (*spec.State, error) {
	if prev == nil {
		prev = &spec.Host{}
	}
	accounts, err := account.Read(root)
	if err != nil {
		return nil, err
	}
	state := &spec.State{
		Users:  observeUsers(accounts, keys(want.Users, prev.Users)),
		Groups: observeGroups(accounts, keys(want.Groups, prev.Groups)),
	}
	tree, err := system.OpenTree(string(root))
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if state.Homes, err = observeHomes(tree, accounts, want); err != nil {
		return nil, err
	}
	state.Files, state.Leads, err = observeFiles(tree, accounts.Names(), want, keys(want.Files, prev.Files), cache)
	if err != nil {
		return nil, err
	}
	if state.Sysctls, state.SysctlFile, err = observeSysctls(root, accounts.Names()); err != nil {
		return nil, err
	}
	state.LiveSysctls = liveSysctls(root, keys(want.Sysctls, prev.Sysctls))
	if state.Modules, state.ModuleFile, err = observeModules(root, accounts.Names()); err != nil {
		return nil, err
	}
	state.Units, err = observeUnits(root, accounts.Names(), want, keys(want.Units, prev.Units))
	return state, err
}

// Job is what Stage has to do and to know.
type Job struct {
	Plan       *spec.Plan
	Want, Prev *spec.Host // Prev may be nil
	Found      spec.Found // what Prev found
	// PasswordHashes are the crypt(5) hashes by the name of their secret.
	PasswordHashes map[string]string
	// Blob returns the bytes of a digest that no Content holds.
	Blob func(digest string) ([]byte, error)
	// Folders are those that earlier stages made above files, and that belong to no
	// package.
	Folders []string
}

// Report is what is known of a root only once it is as it is wanted.
type Report struct {
	// Found is what was there before, without kernel parameters: packages may set
	// some of them in the same change.
	Found spec.Found
	// Folders are those above wanted files that this run or an earlier one made, by
	// their physical paths. An empty one is removed with its last file.
	Folders []string
}

// Stage writes every resource of want into root, except packages and secrets. It
// trusts the plan only for what to delete: maintainer scripts have run since the
// plan was made, so each kind observes the root again and touches only what
// differs. It ends with the checks of changed files.
func Stage(ctx context.Context, root system.Root, job Job) (Report, error) {
	if job.Prev == nil {
		job.Prev = &spec.Host{}
	}
	tree, err := system.OpenTree(string(root))
	if err != nil {
		return Report{}, err
	}
	defer tree.Close()
	s := &stage{root: root, tree: tree, Job: job}
	steps := []func(context.Context) error{
		s.createGroups,
		s.users,
		s.deleteGroups,
		s.files,
		s.sysctls,
		s.kernelModules,
		s.units,
		s.refuseMissing,
		s.checks,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
	}
	return Report{Found: s.found, Folders: s.Folders}, nil
}

// stage is one run of Stage.
type stage struct {
	Job
	found   spec.Found
	root    system.Root
	tree    *system.Tree
	names   account.Names // read after the accounts are made
	homes   []home
	changed []string       // files that were written, for their checks
	enabled *systemd.Links // those that were there before any unit was written
}

// origin says for an error where the resource was asked for.
func (s *stage) origin(kind spec.Kind, name string) string {
	return s.Want.At(spec.ID{Kind: kind, Name: name})
}

// deletes are the names of one kind that the plan deletes.
func (s *stage) deletes(kind spec.Kind) []string {
	var names []string
	for _, c := range s.Plan.Of(kind) {
		if c.Action == spec.Delete {
			names = append(names, c.ID.Name)
		}
	}
	return names
}

// keys are the names in any of the maps, sorted.
func keys[V any](named ...map[string]V) []string {
	all := map[string]bool{}
	for _, m := range named {
		for name := range m {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// absent: a file in place of a parent folder means absence too.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
