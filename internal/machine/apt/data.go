package apt

import (
	"os"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// converter is a package that rewrites its data in another format when another
// upstream version of it starts, or is configured, for the first time. The
// former version may not read what the new one has written.
//
// postgresql is none: a new major version is another package with a cluster of
// its own, and minor versions share one format.
type converter struct {
	name   string // a trailing * stands for the rest of a name
	folder string
}

func converters() []converter {
	return []converter{
		{"mariadb-server", "/var/lib/mysql"},           // mariadb-upgrade, from its debian-start
		{"mysql-server-*", "/var/lib/mysql"},           // at the server's start
		{"slapd", "/var/lib/ldap"},                     // its scripts dump and load the database
		{"docker.io", "/var/lib/docker"},               // dockerd migrates its stores at start
		{"containerd", "/var/lib/containerd"},          // its metadata has a schema version
		{"redis-server", "/var/lib/redis"},             // rdb files have a version, and only newer servers read them
		{"valkey-server", "/var/lib/valkey"},           // as redis-server
		{"rabbitmq-server", "/var/lib/rabbitmq"},       // feature flags and mnesia schema
		{"network-manager", "/var/lib/NetworkManager"}, // rewrites state and connections
		{"prometheus", "/var/lib/prometheus"},          // blocks and the write-ahead log
		{"influxdb", "/var/lib/influxdb"},
		{"couchdb", "/var/lib/couchdb"},
		{"cyrus-imapd", "/var/lib/cyrus"},
		{"bacula-director-*", "/var/lib/bacula"},
		{"matrix-synapse", "/var/lib/matrix-synapse"},
	}
}

// DataThatMigrates is the data folder of each installed package that converts its
// data from version to version and has some.
func DataThatMigrates(root system.Root, installed map[string]spec.Installed) map[string]string {
	out := map[string]string{}
	for _, c := range converters() {
		prefix, any := strings.CutSuffix(c.name, "*")
		for name := range installed {
			if name != c.name && !(any && strings.HasPrefix(name, prefix)) {
				continue
			}
			if entries, err := os.ReadDir(root.Path(c.folder)); err == nil && len(entries) > 0 {
				out[name] = c.folder
			}
		}
	}
	return out
}
