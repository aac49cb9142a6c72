package stage

import (
	"slices"
	"testing"
)

// A kernel whose modules no package has touched is left as it is; one that comes,
// whose headers come, or for which there is another module, is not.
func TestModulesOf(t *testing.T) {
	const was = `v4l2loopback/0.15.0, 6.12.57+deb13-amd64, x86_64: installed
zfs/2.3.9: added
`
	kernels := []string{"6.12.57+deb13-amd64", "6.18"}
	for name, c := range map[string]struct {
		status string
		want   []string
	}{
		"nothing":            {was, nil},
		"another module":     {was + "kvmfr/0.1: added\n", kernels},
		"another version":    {"v4l2loopback/0.15.0, 6.12.57+deb13-amd64, x86_64: installed\nzfs/2.4.0: added\n", kernels},
		"one is gone":        {"v4l2loopback/0.15.0: added\nzfs/2.3.9: added\n", kernels[:1]},
		"built, not for all": {was + "zfs/2.3.9, 6.18, x86_64: built\n", kernels[1:]},
	} {
		before, after := modulesOf(was, kernels), modulesOf(c.status, kernels)
		var got []string
		for _, version := range kernels {
			if before[version] != after[version] {
				got = append(got, version)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: due are %v, wanted %v", name, got, c.want)
		}
	}
	if out := modulesOf("", kernels); out[kernels[0]] != "" {
		t.Errorf("without modules there is %q", out)
	}
}
