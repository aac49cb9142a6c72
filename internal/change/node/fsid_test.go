package node

import (
	"strings"
	"testing"
)

func TestFileSystemsAreToldApart(t *testing.T) {
	here, err := FSID(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	proc, err := FSID("/proc")
	if err != nil {
		t.Fatal(err)
	}
	if here == proc {
		t.Errorf("both are %s", here)
	}
	old, err := statID("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, recorded := range []string{proc, old} {
		if err := CheckFS("/proc", recorded); err != nil {
			t.Errorf("recorded as %s: %v", recorded, err)
		}
	}
	if err := CheckFS("/proc", here); err == nil || !strings.Contains(err.Error(), "/proc") {
		t.Errorf("another file system is taken for it: %v", err)
	}
}
