package stage

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// classifier tells the class of a path by who owns it (engine rule 1).
type classifier struct {
	managed map[string]bool // paths of the wanted or the previous spec
	owned   map[string]bool // dpkg's, before or after; true for conffiles
}

// newClassifier knows what was before, and reads what dpkg owns after. The paths
// of a spec lead to one place on the live root and to another in the stage, where
// a link on the way comes, goes or changes: both are the spec's.
func newClassifier(was *snapshot, merged system.Root, managed []string) (*classifier, error) {
	c := &classifier{managed: map[string]bool{}}
	will, err := physical(merged, managed)
	if err != nil {
		return nil, err
	}
	for _, path := range append(will, was.managed...) {
		c.managed[path] = true
	}
	owned, err := apt.Owned(merged)
	if err != nil {
		return nil, err
	}
	for path, conffile := range was.owned {
		if _, ok := owned[path]; !ok {
			owned[path] = conffile
		}
	}
	c.owned = owned
	return c, nil
}

// physical are the paths of a spec as a changeset has them: without the links by
// which a person may have written them. Those behind a link that is not followed
// are left out: nothing is written there.
func physical(root system.Root, managed []string) ([]string, error) {
	tree, err := system.OpenTree(string(root))
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	var out []string
	for _, p := range managed {
		at, err := tree.Canonical(p)
		var link *system.LinkError
		switch {
		case errors.As(err, &link):
		case err != nil:
			return nil, err
		default:
			out = append(out, at)
		}
	}
	return out, nil
}

func (c *classifier) class(path string) node.Class {
	conffile, owned := c.owned[path]
	switch {
	case c.managed[path], owned && conffile, rebuilt(path):
		return node.Config
	case owned, within(path, registries()...):
		return node.Program
	case within(path, "/var", "/srv", "/home", "/root"), generated(path):
		return node.State
	case within(path, "/etc") && !within(path, "/etc/systemd"):
		return node.Config
	default:
		return node.Program
	}
}

// registries are what dpkg's helpers keep about installed packages. They
// belong to the packages although no package lists them.
func registries() []string {
	return []string{
		"/etc/alternatives", "/etc/ld.so.cache",
		"/var/lib/dpkg", "/var/lib/apt/extended_states", "/var/cache/debconf", "/var/lib/ucf", "/var/lib/pam",
		"/var/lib/systemd/deb-systemd-helper-enabled", "/var/lib/systemd/deb-systemd-helper-masked",
		"/var/lib/systemd/deb-systemd-user-helper-enabled", "/var/lib/systemd/deb-systemd-user-helper-masked",
		"/var/lib/systemd/catalog", "/var/lib/python", "/var/lib/xml-core", "/var/lib/sgml-base",
		"/var/lib/emacsen-common", "/var/lib/dictionaries-common", "/var/lib/aspell", "/var/lib/ispell",
		"/var/lib/initramfs-tools", "/var/lib/shells.state", "/var/lib/ca-certificates",
	}
}

// rebuilt reports whether a boot makes a file again from what packages brought
// (ConditionNeedsUpdate= of ldconfig.service and its like, systemd.unit(5)).
// Its bytes are kept as those of config files are: the node that a generation
// had may be gone when the way leads back to it.
func rebuilt(path string) bool {
	return path == "/etc/ld.so.cache" || path == "/var/lib/systemd/catalog/database"
}

// generated reports whether a path below /etc is made once for this machine,
// by a script or a daemon, and must outlive the package that made it: keys,
// identities, and the configuration of a database cluster, which is no use
// apart from its data.
func generated(path string) bool {
	for _, pattern := range []string{
		"/etc/machine-id", "/etc/hostid", "/etc/adjtime", "/etc/resolv.conf",
		"/etc/ssh/ssh_host_*", "/etc/ssl/private/*", "/etc/ssl/certs/ssl-cert-snakeoil.pem",
		"/etc/NetworkManager/system-connections/*", "/etc/mysql/debian.cnf",
		"/etc/iscsi/initiatorname.iscsi", "/etc/nvme/hostid", "/etc/nvme/hostnqn",
	} {
		if ok, _ := filepath.Match(pattern, path); ok {
			return true
		}
	}
	return within(path, "/etc/postgresql", "/etc/ldap/slapd.d")
}

// volatile reports whether a path never enters a changeset: locks and
// backups of the account and package databases, caches that are made again
// by themselves, and logs that exist already.
func volatile(path string, live bool) bool {
	switch path {
	case "/etc/.pwd.lock", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-",
		"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", // merged by entry, engine rule 9
		"/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/triggers/Lock",
		"/var/lib/dpkg/status-old", "/var/lib/dpkg/available-old", "/var/lib/dpkg/diversions-old", "/var/lib/dpkg/statoverride-old",
		"/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock", "/var/cache/apt/pkgcache.bin", "/var/cache/apt/srcpkgcache.bin",
		"/var/cache/ldconfig/aux-cache",
		"/var/cache/debconf/config.dat-old", "/var/cache/debconf/templates.dat-old":
		return true
	}
	if within(path, "/var/tmp", "/"+node.AreaName) {
		return true
	}
	return live && within(path, "/var/log") && (strings.HasSuffix(path, ".log") || strings.HasSuffix(path, ".log.xz"))
}
