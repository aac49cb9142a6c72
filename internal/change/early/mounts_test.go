package early

import (
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Only what can be mounted again by a name that lasts is.
func TestLasting(t *testing.T) {
	uuids := map[string]string{"/dev/null": "/dev/disk/by-uuid/one"}
	for name, c := range map[string]struct {
		within, fstype, source, options string
		want                            string
	}{
		"a disk":                  {"/", "ext4", "/dev/null", "rw", "/dev/disk/by-uuid/one"},
		"a disk without a UUID":   {"/", "ext4", "/dev/zero", "rw", ""},
		"a folder, by bind":       {"/var", "ext4", "/dev/null", "rw", ""},
		"a subvolume":             {"/@var", "btrfs", "/dev/null", "rw,subvolid=257,subvol=/@var", "/dev/disk/by-uuid/one subvol=/@var"},
		"a folder of a subvolume": {"/@/srv", "btrfs", "/dev/null", "rw,subvolid=256,subvol=/@", ""},
		"a data set":              {"/", "zfs", "rpool/var", "rw,xattr", "rpool/var"},
		"memory":                  {"/", "tmpfs", "tmpfs", "rw", ""},
	} {
		m, ok := lasting(system.Mount{Point: "/var", Root: c.within, Type: c.fstype, Source: c.source, Super: c.options}, uuids)
		got := m.Source
		if m.Options != "" {
			got += " " + m.Options
		}
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %v, %q, wanted %q", name, ok, got, c.want)
		}
	}
}
