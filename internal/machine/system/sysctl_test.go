package system

import "testing"

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"kernel.panic": "/proc/sys/kernel/panic", "net/ipv4/conf/eth0.1/forwarding": "/proc/sys/net/ipv4/conf/eth0.1/forwarding",
		"net.ipv4.conf.eth0/1.forwarding": "/proc/sys/net/ipv4/conf/eth0.1/forwarding",
	} {
		if got := SysctlPath(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}
