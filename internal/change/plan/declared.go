package plan

import (
	"fmt"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// notApplied says what the configuration declares that no switch does:
// silence would pass for success.
func (m *maker) notApplied() {
	var what []string
	for _, w := range []struct {
		kind spec.Kind
		n    int
	}{
		{spec.KindDisk, len(m.Want.Disks)}, {spec.KindZpool, len(m.Want.Zpools)}, {spec.KindMount, len(m.Want.Mounts)}, {spec.KindSwap, len(m.Want.Swaps)},
	} {
		if w.n > 0 {
			what = append(what, fmt.Sprintf("%d %s", w.n, w.kind))
		}
	}
	if b := m.Want.Boot; b != nil {
		if b.Loader != "" {
			what = append(what, b.Loader+" where another boot loader is")
		}
		if b.RollbackRoot {
			what = append(what, "boot.rollback_root")
		}
	}
	if len(what) > 0 {
		m.warn("declared and checked, but not applied by this version: %s", strings.Join(what, ", "))
	}
}
