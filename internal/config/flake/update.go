package flake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// InputChange is what an update did to one input. Before and After are
// revisions, or content hashes of folders; empty is not locked.
type InputChange struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// maxInputDepth stops inputs that use each other.
const maxInputDepth = 8

// Update locks the named inputs, or all, at what their urls point to now, and
// drops those that flake.hcl no longer has. It locks an input's own inputs with it,
// at the revisions in that input's lock if the lock has their urls. packages.lock
// locks package sources, not this. Update writes no file: the flake has the new
// lock, and LockText is its text.
func (f *Flake) Update(ctx context.Context, names []string) ([]InputChange, error) {
	f.login = true
	next := &lockFile{Version: lockVersion, Inputs: map[string]lockedInput{}}
	for _, name := range names {
		if f.Input(name) == nil {
			return nil, fmt.Errorf("cannot update input %q: flake.hcl has no such input; it has: %s (a package is updated with the debian input that it comes from)", name, strings.Join(f.InputNames(), ", "))
		}
	}
	var errs []error
	for _, d := range f.inputs {
		old, ok := f.lock.Inputs[d.name]
		if ok && old.URL == d.in.URL && len(names) > 0 && !slices.Contains(names, d.name) {
			keep(f.lock, d.name, next, d.name, d.in.follows)
			continue
		}
		errs = append(errs, d.in.lockTo(ctx, next))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	changes := compareInputs(f.lock, next)
	f.lock = next
	return changes, nil
}

// Fetch downloads the inputs in flake.lock, and their inputs, into the cache, with
// the user's logins for git and ssh. It returns the keys of those that were
// missing.
func (f *Flake) Fetch(ctx context.Context) ([]string, error) {
	f.rootFlake().login = true
	var fetched []string
	var errs []error
	for _, d := range f.inputs {
		if d.in.owner != f || d.in.Debian != nil { // it follows, or is locked elsewhere
			continue
		}
		if err := d.in.Open(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		if d.in.fetched {
			fetched = append(fetched, d.in.key)
		}
		inner, diags := d.in.Flake()
		if diags.HasErrors() {
			errs = append(errs, fmt.Errorf("cannot read input %q: %w", d.in.key, diags))
			continue
		}
		if inner != nil {
			more, err := inner.Fetch(ctx)
			fetched, errs = append(fetched, more...), append(errs, err)
		}
	}
	return fetched, errors.Join(errs...)
}

// lockTo locks the input, and its own inputs, in next.
func (in *Input) lockTo(ctx context.Context, next *lockFile) error {
	if in.Debian != nil {
		return nil
	}
	if strings.Count(in.key, ".") >= maxInputDepth {
		return fmt.Errorf("cannot lock input %q: inputs can nest at most %d levels deep; let one follow another", in.key, maxInputDepth)
	}
	locked, err := in.resolve(ctx)
	if err != nil {
		return err
	}
	next.Inputs[in.key] = locked
	if !in.IsFlake {
		return nil
	}
	root := in.source.path
	if in.source.git {
		cache, err := CacheDir()
		if err != nil {
			return err
		}
		root = treeDir(cache, locked.Hash)
	}
	f, diags := in.load(root, "", next)
	if diags.HasErrors() {
		return fmt.Errorf("cannot lock input %q: %w", in.key, diags)
	}
	own, err := readLock(f.File(LockName))
	if err != nil {
		return fmt.Errorf("cannot lock input %q: its own lock: %w", in.key, err)
	}
	var errs []error
	for _, d := range f.inputs {
		if d.in.owner != f { // it follows
			continue
		}
		if old, ok := own.Inputs[d.name]; ok && old.URL == d.in.URL {
			keep(own, d.name, next, d.in.key, d.in.follows)
			continue
		}
		errs = append(errs, d.in.lockTo(ctx, next))
	}
	return errors.Join(errs...)
}

// keep copies an input and its inputs from one lock into another.
func keep(from *lockFile, name string, to *lockFile, key string, follows map[string]followed) {
	for n, locked := range from.Inputs {
		inner, nested := strings.CutPrefix(n, name+".")
		first, _, _ := strings.Cut(inner, ".")
		if _, drop := follows[first]; nested && !drop {
			to.Inputs[key+"."+inner] = locked
		}
	}
	to.Inputs[key] = from.Inputs[name]
}

func compareInputs(old, next *lockFile) []InputChange {
	all := map[string]InputChange{}
	for key, l := range old.Inputs {
		all[key] = InputChange{Name: key, Before: l.version()}
	}
	for key, l := range next.Inputs {
		c := all[key]
		c.Name, c.After = key, l.version()
		all[key] = c
	}
	out := []InputChange{}
	for _, key := range sortedNames(all) {
		if c := all[key]; c.Before != c.After || old.Inputs[key].URL != next.Inputs[key].URL || old.Inputs[key].Hash != next.Inputs[key].Hash {
			out = append(out, c)
		}
	}
	return out
}

func (l lockedInput) version() string {
	if l.Rev != "" {
		return l.Rev
	}
	return l.Hash
}
