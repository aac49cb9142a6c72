package system

import (
	"slices"
	"testing"
)

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"kernel.panic": "/proc/sys/kernel/panic", "net/ipv4/conf/eth0.1/forwarding": "/proc/sys/net/ipv4/conf/eth0.1/forwarding",
		"net.ipv4.conf.eth0/1.forwarding": "/proc/sys/net/ipv4/conf/eth0.1/forwarding", "-kernel.panic": "/proc/sys/kernel/panic",
	} {
		if got := SysctlPath(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// A pattern stands for what the kernel has, less what is named by itself
// (sysctl.d(5)).
func TestSysctlPatterns(t *testing.T) {
	const all, lo = "/proc/sys/net/ipv4/conf/all/rp_filter", "/proc/sys/net/ipv4/conf/lo/rp_filter"
	own := NamedSysctls(map[string]string{"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.*.rp_filter": "2"})
	got := SysctlPaths("-net.ipv4.conf.*.rp_filter", own)
	if !slices.Contains(got, lo) || slices.Contains(got, all) {
		t.Errorf("the pattern stands for %q; lo is wanted, and not all, which has a key of its own", got)
	}
	if got := SysctlPaths("net.ipv4.conf.all.rp_filter", own); !slices.Equal(got, []string{all}) {
		t.Errorf("a name stands for %q, want itself", got)
	}
	if got := SysctlPaths("no.such.*.key", nil); len(got) != 0 {
		t.Errorf("a pattern of nothing stands for %q", got)
	}
}
