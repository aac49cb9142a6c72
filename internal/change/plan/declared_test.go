package plan

import (
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

func TestWhatNoSwitchAppliesIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		want spec.Host
		warn []string
	}{
		{"nothing of the sort", spec.Host{Boot: &spec.Boot{KernelParams: []string{"quiet"}, Initrd: "dracut", ForcedModules: []string{"dummy"}}}, nil},
		{"disks and a loader", spec.Host{
			Disks: map[string]spec.Disk{"a": {}}, Mounts: map[string]spec.Mount{"/srv": {}, "/var": {}}, Boot: &spec.Boot{Loader: "systemd-boot", RollbackRoot: true},
		}, []string{"declared and checked, but not applied by this version: 1 disk, 2 mount, systemd-boot where another boot loader is, boot.rollback_root"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Make(Input{Want: &c.want, State: &spec.State{}})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.Warnings, c.warn) || !p.Empty() {
				t.Errorf("warnings are %q, want %q", p.Warnings, c.warn)
			}
		})
	}
}
