// Package apt is what hostctl knows about Debian packages: where this machine
// gets them, which ones are in a host's closure (by apt's own solver), the lock
// file that records the answer, a cache of verified .debs, dpkg's database,
// and one transaction on it. It parses files natively and runs apt-get for
// what only apt can do: verify a repository, solve, and order an installation.
//
// The mirror is the one in this machine's apt configuration; $HOSTCTL_MIRROR
// replaces it. Inputs that name a snapshot come from $HOSTCTL_SNAPSHOT, a
// dated archive with the folders debian/STAMP and debian-security/STAMP.
package apt

import (
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// Source is one Debian input of a flake.
type Source struct {
	Input      string // the flake's name for it
	Suite      string // trixie, sid, trixie-backports, ...
	Snapshot   string // 20261101T000000Z, or empty for the mirror's current state
	Keyring    string // absolute path; empty is the Debian archive keyring
	Components []string
}

// Cache is a folder with verified .debs by digest, and with what apt needs to
// resolve: verified package lists and its own binary cache of them. Everything in
// it can be deleted and is created again.
type Cache struct {
	Dir string // for root, a folder that only root can write
	// From is another cache, whose .debs are used if Dir lacks them. hostctl never
	// writes to it, and others may. "" is none.
	From string
}

// Deb is the path of the package l once it is fetched. The file name is apt's own,
// NAME_VERSION_ARCH.deb, on which Apply relies.
func (c Cache) Deb(l spec.Locked) string {
	return filepath.Join(c.Dir, "debs", l.SHA256[:2], l.SHA256, debName(l))
}

func debName(l spec.Locked) string {
	return l.Name + "_" + strings.ReplaceAll(l.Version, ":", "%3a") + "_" + l.Arch + ".deb"
}

// parseDebName inverts debName on the last element of a path.
func parseDebName(path string) (name, version string, ok bool) {
	base, ok := strings.CutSuffix(filepath.Base(path), ".deb")
	parts := strings.Split(base, "_")
	if !ok || len(parts) != 3 {
		return "", "", false
	}
	return parts[0], strings.ReplaceAll(parts[1], "%3a", ":"), true
}
