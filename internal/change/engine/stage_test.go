package engine

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

func TestOffline(t *testing.T) {
	m := &Machine{}
	need := []spec.Locked{{Name: "dt-base", Version: "1", Arch: "amd64", SHA256: strings.Repeat("a", 64), Size: 1}}
	cache := apt.Cache{Dir: t.TempDir()}
	if err := m.offlineHas(need, cache); err != nil {
		t.Errorf("without --offline: %v", err)
	}
	m.Offline = true
	if err := m.offlineHas(need, cache); err == nil || !strings.Contains(err.Error(), "the cache lacks dt-base 1") {
		t.Errorf("got %v", err)
	}
	write(t, cache.Deb(need[0]), []byte("x"))
	if err := m.offlineHas(need, cache); err != nil {
		t.Errorf("with the package in the cache: %v", err)
	}
}
