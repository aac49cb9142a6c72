// Package inventory reads all of a root that people and programs change behind
// a configuration's back, whether a spec names it or not: every file of
// packages and of /etc, /usr and /opt, keys and crontabs of accounts, the
// account database, dpkg's overrides, and of the running kernel its parameters
// and mounts. Two readings can be compared. It starts no program but nft(8), if
// asked for rules.
package inventory

import (
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Version of the JSON form; a reader refuses any other.
const Version = 1

// Inventory is one reading of a root.
type Inventory struct {
	Version int `json:"version"`
	// Database is the digest of dpkg's database (apt.DatabaseDigest).
	Database string                         `json:"database"`
	Packages map[string]spec.Installed      `json:"packages"`
	Files    map[string]File                `json:"files"`
	Users    map[string]account.PasswdEntry `json:"users"`
	Groups   map[string]account.GroupEntry  `json:"groups"`
	// Logins and GroupLogins are nil in a reading of an older hostctl.
	Logins      map[string]account.Login `json:"logins,omitempty"`
	GroupLogins map[string]account.Login `json:"group_logins,omitempty"`

	Diversions map[string]string `json:"diversions"` // path to where it is diverted
	Overrides  map[string]string `json:"overrides"`  // path to "owner group mode" (dpkg-statoverride(1))
	// The rest is about the running kernel, and only for the live root.
	Boot    string            `json:"boot,omitempty"`    // boot_id of random(4): other kernel parameters are compared within one boot
	Sysctls map[string]string `json:"sysctls,omitempty"` // what can be set, by file below /proc/sys
	Mounts  map[string]string `json:"mounts,omitempty"`  // mount point to type and source
	// Tables are those of nftables; nil if they are not known.
	Tables map[string]bool `json:"tables"`
	// Modules are those that the kernel has, loaded or built in; nil if it can load
	// none, as in a container.
	Modules map[string]bool `json:"-"`
}

// Take reads a root.
func Take(root system.Root) (*Inventory, error) {
	inv := &Inventory{Version: Version}
	var owners map[string]string
	paths := map[string]bool{}
	var parts errgroup.Group
	parts.Go(func() error { return listAreas(root, paths) })
	parts.Go(func() (err error) { owners, err = apt.Owners(root); return err })
	parts.Go(func() (err error) { inv.Packages, err = apt.Installed(root); return err })
	parts.Go(func() (err error) { inv.Database, err = apt.DatabaseDigest(root, nil); return err })
	parts.Go(func() error { return inv.readKernel(root) })
	accounts, err := account.Read(root)
	if err := errors.Join(parts.Wait(), err); err != nil {
		return nil, err
	}
	inv.Users, inv.Groups = accounts.Users(), accounts.Groups()
	inv.Logins, inv.GroupLogins = accounts.Logins(), accounts.GroupLogins()
	if inv.Files, err = readFiles(root, paths, owners, inv.Users); err != nil {
		return nil, fmt.Errorf("cannot take stock of files: %w", err)
	}
	if inv.Diversions, err = apt.Diversions(root); err != nil {
		return nil, err
	}
	inv.Overrides, err = apt.Overrides(root)
	return inv, err
}
