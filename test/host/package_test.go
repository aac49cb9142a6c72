package host

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The Debian package on a machine: it installs what it should, a switch with it
// leaves a recovery that needs no package, and its purge removes its files.
func TestDebianPackage(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/units", "units")
	g.lock()
	dir := t.TempDir()
	if out, err := exec.Command("../../packaging/deb.sh", g.w.hostctl, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	built, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(built) != 1 {
		t.Fatalf("%v, %v", built, err)
	}
	g.copyIn(built[0], "/root/hostctl.deb", 0o644)
	g.sh("rm /usr/local/bin/hostctl; dpkg -i /root/hostctl.deb; hostctl version; dpkg -V hostctl")
	g.says("command -v hostctl; dpkg -L hostctl | grep -c -e /man1/hostctl-switch -e completions/", "/usr/bin/hostctl\n3")

	runs := "unit \"look.service\" {\n  content = <<-EOT\n    [Service]\n    ExecStart=${config.hostctl.path} drift\n  EOT\n}\n"
	config := flakeInGuest + "/hosts/units/default.hcl"
	g.write(config, runs, 0o644)
	g.want(1, []string{"/usr/local/bin/hostctl, which does not exist", `hostctl { path = "/usr/bin/hostctl" }`}, "plan")
	g.write(config, "hostctl {\n  path = \"/usr/bin/hostctl\"\n}\n"+runs, 0o644)
	if r := g.hostctl("switch", "--yes"); r.code != 0 {
		t.Fatalf("a switch with the package: %s", r)
	}
	g.says("cmp /.hostctl/hostctl /usr/bin/hostctl; systemctl is-enabled hostctl-recover.service; dpkg -V hostctl", "enabled")

	g.sh("dpkg -i /root/hostctl.deb") // as an upgrade
	g.want(0, nil, "plan", "--detailed-exitcode")
	g.sh("dpkg --purge hostctl")
	g.says("find /usr -name '*hostctl*'; dpkg-query -W hostctl 2>/dev/null || true", "")
	g.says("systemctl start hostctl-recover.service; systemctl is-failed hostctl-recover.service || true", "inactive")
	r := runCommand(t, g.Command(t.Context(), "/.hostctl/hostctl", "plan", "--flake", flakeInGuest, "--host", g.host))
	if r.code != 1 {
		t.Errorf("a plan takes no notice that the program of the units is gone: %s", r)
	}
}
