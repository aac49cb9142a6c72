package bootloader

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// No configuration can have the files of the recovery: a switch would take away
// what finishes it after a crash.
func TestRecoveryIsReserved(t *testing.T) {
	var host spec.Host
	for _, p := range RecoveryPaths() {
		own := strings.Contains(p, "hostctl")
		if why := host.Reserved(p, spec.File{}); (why != "") != own {
			t.Errorf("Reserved(%s) = %q", p, why)
		}
	}
}
