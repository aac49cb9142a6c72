package system

import "testing"

// Blanks in a path are octal escapes, and a line that is none of a mount is no mount.
func TestParseMount(t *testing.T) {
	got, ok := parseMount(`36 35 98:0 /mnt\0401 /mnt\0402 rw,noatime master:1 - btrfs /dev/root rw,subvol=/mnt\0401`)
	want := Mount{Root: "/mnt 1", Point: "/mnt 2", Options: "rw,noatime", Type: "btrfs", Source: "/dev/root", Super: "rw,subvol=/mnt 1"}
	if !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	// The options of the mount count, not those of the file system.
	m, ok := parseMount(`36 35 98:0 /mnt1 /my\040disk rw,noatime master:1 - ext3 /dev/root ro,errors=continue`)
	if !ok || m.Point != "/my disk" || m.Type != "ext3" || m.ReadOnly() {
		t.Errorf("%+v, %v", m, ok)
	}
	for _, line := range []string{"nonsense", "36 35 98:0 / /mnt rw"} {
		if _, ok := parseMount(line); ok {
			t.Errorf("%q is a mount", line)
		}
	}
}
