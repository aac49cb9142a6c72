// Package drift finds what differs on a host from its current generation. What
// a spec declares is the plan's to compare; this package looks at the rest,
// against a baseline: the inventory of the host as hostctl found it, brought
// up to date with whatever generations have changed since. What others change
// never enters the baseline, so it is reported until it is gone or declared.
package drift

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Load reads a baseline; nil where there is none.
func Load(path string) (*inventory.Inventory, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what the machine was: %w", err)
	}
	var inv inventory.Inventory
	if err := json.Unmarshal(b, &inv); err != nil {
		return nil, fmt.Errorf("cannot read what the machine was: %s: %w", path, err)
	}
	if inv.Version != inventory.Version {
		return nil, fmt.Errorf("cannot read what the machine was: %s is of version %d, this hostctl knows %d", path, inv.Version, inventory.Version)
	}
	return &inv, nil
}

// Save stores a baseline, for root alone: it tells who can do what here.
func Save(path string, inv *inventory.Inventory) error {
	b, err := json.Marshal(inv)
	if err != nil {
		return err
	}
	return system.WriteFile(path, b, 0o600, os.Getuid(), os.Getgid())
}

// Touched is what generations have changed on the way from one to another.
type Touched struct {
	Paths, Packages, Sysctls []string
	Accounts                 []account.Delta
}

// Update takes into the baseline what was touched, as it is now, and the
// digest of the database. A machine that has booted since has kernel
// parameters that nobody set by hand.
func Update(base, now *inventory.Inventory, t Touched) {
	if base.Tables == nil || len(t.Packages) > 0 { // a package's program may have made its own
		base.Tables = now.Tables
	}
	if base.Logins == nil {
		base.Logins, base.GroupLogins = now.Logins, now.GroupLogins
	}
	for _, path := range t.Paths {
		copyKey(base.Files, now.Files, path)
	}
	for _, name := range t.Packages {
		copyKey(base.Packages, now.Packages, name)
	}
	for _, d := range t.Accounts {
		for _, name := range d.Names(account.Passwd) {
			copyKey(base.Users, now.Users, name)
		}
		for _, name := range d.Names(account.Group) {
			copyKey(base.Groups, now.Groups, name)
		}
		for _, name := range d.Names(account.Shadow) {
			copyKey(base.Logins, now.Logins, name)
		}
		for _, name := range d.Names(account.GShadow) {
			copyKey(base.GroupLogins, now.GroupLogins, name)
		}
		for group, users := range d.Memberships() {
			for _, user := range users {
				base.Groups[group] = withMember(base.Groups[group], user, slices.Contains(now.Groups[group].Members, user))
			}
		}
	}
	for _, key := range t.Sysctls {
		copyKey(base.Sysctls, now.Sysctls, key)
	}
	for _, path := range union(base.Diversions, now.Diversions) {
		if by := base.Diversions[path] + now.Diversions[path]; slices.ContainsFunc(t.Packages, func(p string) bool { return strings.HasSuffix(by, " by "+p) }) {
			copyKey(base.Diversions, now.Diversions, path)
		}
	}
	for _, path := range union(base.Overrides, now.Overrides) {
		if slices.Contains(t.Packages, now.Files[path].Package) {
			copyKey(base.Overrides, now.Overrides, path)
		}
	}
	if base.Boot != now.Boot {
		base.Boot, base.Sysctls = now.Boot, now.Sysctls
	}
	base.Database = now.Database
}

// withMember is a group with or without a user.
func withMember(g account.GroupEntry, user string, in bool) account.GroupEntry {
	members := slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == user })
	if in {
		members = append(members, user)
	}
	g.Members = members
	return g
}

func copyKey[V any](to, from map[string]V, key string) {
	if v, ok := from[key]; ok {
		to[key] = v
	} else {
		delete(to, key)
	}
}

// SysctlKeys are the kernel parameters that a file of sysctl.d(5) sets, as an
// Inventory names them; none for any other path.
func SysctlKeys(root system.Root, path string) []string {
	if filepath.Base(filepath.Dir(path)) != "sysctl.d" && path != "/etc/sysctl.conf" {
		return nil
	}
	b, err := root.Read(path)
	if err != nil {
		return nil // it is gone, and what it once set stays until the next boot
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		key, _, ok := strings.Cut(line, "=")
		if key = strings.TrimLeft(strings.TrimSpace(key), "-"); ok && !strings.HasPrefix(key, "#") && !strings.HasPrefix(key, ";") {
			out = append(out, sysctlName(key))
		}
	}
	return out
}

// sysctlName is how an Inventory calls the parameter key.
func sysctlName(key string) string { return strings.TrimPrefix(system.SysctlPath(key), "/proc/sys/") }
