package apt

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

func TestFailedBuilds(t *testing.T) {
	root := t.TempDir()
	log := "  CC [M]  v4l2loopback.o\nv4l2loopback.c:2337:9: error: too few arguments to function 'v4l2_fh_add'\n 2337 |         v4l2_fh_add(&opener->fh);\n"
	WriteTest(t, filepath.Join(root, "var/lib/dkms/v4l2loopback/0.15.0/build/make.log"), log)
	// What was built has its log elsewhere.
	WriteTest(t, filepath.Join(root, "var/lib/dkms/zfs/2.4.4/6.12/x86_64/log/make.log"), "fine\n")
	var out strings.Builder
	told := failedBuilds(system.Root(root), &out)
	if want := "\nDKMS could not build v4l2loopback 0.15.0:\n  v4l2loopback.c:2337:9: error: too few arguments to function 'v4l2_fh_add'"; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
	if !strings.Contains(out.String(), log) {
		t.Errorf("the log was not kept: %q", out.String())
	}
}
