package host

import "testing"

// A switch does a saved plan exactly as saved, or does nothing and says what has
// changed.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, []string{"saved as /root/a.plan"}, "plan", "--out", "/root/a.plan")
	g.says("stat -c '%a %U' /root/a.plan", "600 root")
	const lockFile = flakeInGuest + "/hosts/small/packages.lock"
	before, lock := g.manifest(), g.read(lockFile)
	refused := func(says string, move, back func()) {
		t.Helper()
		move()
		g.want(1, []string{says, "nothing on this machine was changed"}, "switch", "/root/a.plan")
		back()
	}
	refused("the configuration has moved: file:/etc/tiny/tiny.conf",
		func() { g.edit("hosts/small/default.hcl", "hello", "moved") },
		func() { g.edit("hosts/small/default.hcl", "moved", "hello") })
	refused("the package lock has moved: tiny",
		func() { g.lock(tiny(t, "2.0")) }, func() { g.write(lockFile, lock, 0o644) })
	refused("the machine has moved: file:/etc/motd",
		func() { g.sh("cp -p /etc/motd /root/motd && echo moved >> /etc/motd") }, func() { g.sh("mv /root/motd /etc/motd") })
	g.same("refused plans", before)
	g.write("/root/b.plan", "{}", 0o600)
	g.want(1, []string{"cannot use /root/b.plan"}, "switch", "/root/b.plan")

	g.want(0, []string{"Plan for small", "generation 1 is current"}, "switch", "/root/a.plan")
	g.says("cat /run/tiny-web", "greeting = hello")
	g.want(1, []string{"generation 0 was current, now 1 is"}, "switch", "/root/a.plan")
}
