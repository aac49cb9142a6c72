package activate

import (
	"maps"
	"slices"
	"testing"
)

// TestLackKernel: what a package starts may want the kernel that came with it, and
// does not take the change back. What the spec asks for, and what ran, does.
func TestLackKernel(t *testing.T) {
	sick := []Illness{{Unit: "zfs-load-module.service"}, {Unit: "declared.service"}, {Unit: "ran.service"}}
	watch := map[string]watched{"zfs-load-module.service": {moved: true}, "declared.service": {moved: true, required: true}, "ran.service": {moved: true, before: true}}
	a := &activation{}
	if left := a.lackKernel(slices.Clone(sick), maps.Clone(watch)); len(left) != 3 {
		t.Errorf("without a new kernel %v is excused", left)
	}
	a.touched.kernel = []string{"the kernel: /boot/vmlinuz-6.12 is another"}
	if left := a.lackKernel(slices.Clone(sick), watch); len(left) != 2 || left[0].Unit != "declared.service" || len(a.report.Reboot) != 1 {
		t.Errorf("with a new kernel these are left: %v, and it says %q", left, a.report.Reboot)
	}
}
