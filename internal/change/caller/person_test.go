package caller

import (
	"net/netip"
	"testing"
)

func TestLocalEnd(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.2 50000 192.0.2.1 2222": "192.0.2.1:2222", "fe80::1%eth0 1 fe80::2%eth0 22": "[fe80::2%eth0]:22"} {
		if got := localEnd(text); got != netip.MustParseAddrPort(want) {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{"", "UNKNOWN 65535 UNKNOWN 65535", "1 2 3"} {
		if got := localEnd(text); got.IsValid() {
			t.Errorf("%q: %v", text, got)
		}
	}
}
