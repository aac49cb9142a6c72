package bootloader

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// The modules that a rollback takes from the running kernel are within its reach
// from one run of hostctl to the next, and nothing of that is left when another
// kernel runs.
func TestHoldModules(t *testing.T) {
	root := system.Root(t.TempDir())
	if err := os.MkdirAll(root.Path("/usr/lib/modules/6.1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(root.Path("/.hostctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	has := func(path, want string) {
		t.Helper()
		if got, _ := os.Readlink(root.Path(path)); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(ReleaseModules(root, "6.2"))
	do(HoldModules(root, "6.2", nil))
	has("/usr/lib/modules/6.2", "")

	do(HoldModules(root, "6.2", map[string]string{"/usr/lib/modules/6.2/kernel/fs/a.ko": "/.hostctl/gen/3/17"}))
	has("/usr/lib/modules/6.2", "/.hostctl/modules/6.2")
	has("/.hostctl/modules/6.2/kernel/fs/a.ko", "/.hostctl/gen/3/17")

	do(ReleaseModules(root, "6.2"))
	has("/usr/lib/modules/6.2", "")
	do(HoldModules(root, "6.2", nil))
	has("/usr/lib/modules/6.2", "/.hostctl/modules/6.2")

	do(ReleaseModules(root, "6.2"))
	// A module of somebody's keeps the folder.
	do(os.MkdirAll(root.Path("/usr/lib/modules/6.2/updates"), 0o755))
	do(HoldModules(root, "6.2", map[string]string{"/usr/lib/modules/6.2/modules.dep": "/.hostctl/aside/3-x/usr/lib/modules/6.2/modules.dep"}))
	has("/usr/lib/modules/6.2/kernel", "/.hostctl/modules/6.2/kernel")
	has("/usr/lib/modules/6.2/modules.dep", "/.hostctl/modules/6.2/modules.dep")
	do(ReleaseModules(root, "6.2"))
	has("/usr/lib/modules/6.2/kernel", "")
	do(os.RemoveAll(root.Path("/usr/lib/modules/6.2")))

	do(ReleaseModules(root, "6.1"))
	has("/usr/lib/modules/6.2", "")
	left, err := filepath.Glob(root.Path("/.hostctl") + "/*")
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, err := os.Stat(root.Path("/usr/lib/modules/6.1")); err != nil {
		t.Error(err)
	}
}
