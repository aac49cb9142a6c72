package observe

import (
	"fmt"
	"os"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// root is the pristine Debian root, which observing only reads.
func root(t testing.TB) system.Root {
	t.Helper()
	base := os.Getenv("HOSTCTL_TEST_ROOT")
	if base == "" && os.Getenv("CI") == "true" {
		t.Fatal("HOSTCTL_TEST_ROOT does not name a Debian root")
	}
	if base == "" {
		t.Skip("HOSTCTL_TEST_ROOT does not name a Debian root")
	}
	return system.Root(base)
}

func TestHost(t *testing.T) {
	prev := &spec.Host{Files: map[string]spec.File{"/etc/debian_version": {}, "/etc/issue": {}, "/etc/passwd": {}, "/etc/none": {}}}
	want := &spec.Host{Files: map[string]spec.File{"/etc/issue": {}}, Units: map[string]spec.Unit{"getty@.service": {}}}
	state, err := Host(root(t), want, prev, kind.NewStatCache())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(state.Shipped); got != "map[/etc/debian_version:true]" {
		t.Errorf("of the files that leave, packages ship %s", got)
	}
	if state.Installed["dpkg"].Version == "" || !*state.Units["getty@.service"].Enabled {
		t.Errorf("dpkg is %+v, getty %+v", state.Installed["dpkg"], state.Units["getty@.service"])
	}
}

// TestEssentialIsProtected: no plan, not even a strict one, removes these.
func TestEssentialIsProtected(t *testing.T) {
	state, err := Host(root(t), &spec.Host{}, nil, kind.NewStatCache())
	if err != nil {
		t.Fatal(err)
	}
	if !state.Protected["dpkg"] || !state.Protected["bash"] || state.Protected["adduser"] {
		t.Errorf("protected are %v", state.Protected)
	}
}

// BenchmarkHost is the plan that finds nothing to do on a host with a thousand
// managed files.
func BenchmarkHost(b *testing.B) {
	r := root(b)
	entries, err := os.ReadDir(r.Path("/usr/bin"))
	if err != nil {
		b.Fatal(err)
	}
	want := &spec.Host{Files: map[string]spec.File{}}
	for _, e := range entries {
		want.Files["/usr/bin/"+e.Name()] = spec.File{}
	}
	cache := kind.NewStatCache()
	for b.Loop() {
		if _, err := Host(r, want, nil, cache); err != nil {
			b.Fatal(err)
		}
	}
}
