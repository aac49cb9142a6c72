package machine

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Need skips a test that cannot run here because it needs root or one of the
// programs, and says which. Where CI is set that is a failure: a level that
// silently did not run has shown nothing.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	var lacks []string
	if os.Getuid() != 0 {
		lacks = append(lacks, "root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lacks = append(lacks, p)
		}
	}
	if len(lacks) == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("cannot run here: it needs %s ('make test' as root installs the programs)", strings.Join(lacks, ", "))
	}
	t.Skipf("it needs %s ('make test' as root installs the programs)", strings.Join(lacks, ", "))
}
