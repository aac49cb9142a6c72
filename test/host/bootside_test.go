package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// A kernel, modules of DKMS and dracut come with one switch, whatever order dpkg
// takes them in: what makes the image runs when the modules are built. A module
// that does not build fails the stage, with the compiler's words, and the machine
// is as it was.
func TestBootSide(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot: ZFS takes minutes to build")
	}
	t.Parallel()
	g := locked(t, "testdata/bootside", "bootside")
	zero := g.manifest()
	t.Logf("what a user sees:\n%s", g.want(0, []string{
		"making /boot/initrd.img-", "zfs-load-module.service, which a package started: failed", "it may want the new kernel", "generation 1 is current",
	}, "switch", "--yes").stderr)
	version := filepath.Base(g.sh("ls -d /usr/lib/modules/*"))
	for _, module := range []string{"zfs", "v4l2loopback"} {
		if status := g.sh("dkms status " + module); !strings.Contains(status, version) || !strings.Contains(status, "installed") {
			t.Errorf("dkms says of %s: %s", module, status)
		}
	}
	for _, want := range []string{"usr/lib/hostctl-early", "initrd.target.wants/hostctl-early.service", "/zfs.ko"} {
		g.sh("lsinitrd /boot/initrd.img-" + version + " | grep -F " + want)
	}
	g.says("dpkg --audit", "")
	g.want(0, nil, "plan", "--detailed-exitcode")

	lock := g.locks()
	broken := debs(t, repo.Package{
		Name: "broken-dkms", Version: "1",
		Files: map[string]string{
			"/usr/src/broken-1/dkms.conf": "PACKAGE_NAME=\"broken\"\nPACKAGE_VERSION=\"1\"\nBUILT_MODULE_NAME[0]=\"broken\"\nDEST_MODULE_LOCATION[0]=\"/updates/dkms\"\nAUTOINSTALL=\"yes\"\n",
			"/usr/src/broken-1/Makefile":  "obj-m := broken.o\nall:\n\t$(MAKE) -C /lib/modules/$(KERNELRELEASE)/build M=$(CURDIR) modules\n",
			"/usr/src/broken-1/broken.c":  "#error this module is for another kernel\n",
		},
		Scripts: map[string]string{"postinst": "#!/bin/sh\ndkms add -m broken -v 1\n"},
	})[0]
	g.lock(append(lock, broken)...)
	g.edit("hosts/bootside/default.hcl", `"dracut"]`, `"dracut", "broken-dkms"]`)
	before := g.manifest()
	g.want(1, []string{"this module is for another kernel", "nothing on this machine was changed"}, "switch", "--yes")
	g.same("a stage that failed", before, machine.Accounts()...)
	g.lock(lock...)
	g.edit("hosts/bootside/default.hcl", `, "broken-dkms"`, "")

	g.want(0, nil, "rollback", "--to", "0", "--yes")
	g.same("rollback to before the boot side", zero, append(machine.Accounts(), g.state()...)...)
}

// orders is how many orders of dpkg TestDpkgOrder takes, HOSTCTL_TEST_ORDERS another
// number. In each ZFS is built, which takes minutes.
const orders = 2

// shuffled is a dpkg that configures what waits for it in an order of chance.
// Dependencies it keeps, as dpkg does.
const shuffled = `#!/bin/bash
if test "${!#}" = --pending; then
  names=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^unpacked //p' | shuf --random-source=<(yes "$(cat /root/seed)"))
  if test -n "$names"; then
    echo "shuffled: $(echo $names | head -c 200)"
    exec /usr/bin/dpkg.real "${@:1:$#-1}" $names
  fi
fi
exec /usr/bin/dpkg.real "$@"
`

// Whatever order dpkg configures a kernel, DKMS with its modules, and dracut in,
// they are staged.
func TestDpkgOrder(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot: ZFS takes minutes to build")
	}
	t.Parallel()
	g := locked(t, "testdata/bootside", "bootside")
	g.sh("mv /usr/bin/dpkg /usr/bin/dpkg.real")
	g.write("/usr/bin/dpkg", shuffled, 0o755)
	for seed := range machine.Number(t, "HOSTCTL_TEST_ORDERS", orders) {
		g.write("/root/seed", fmt.Sprint(seed), 0o644)
		g.want(0, []string{"would be generation 1"}, "build")
		if log := g.read("/var/lib/hostctl/stage.log"); !strings.Contains(log, "shuffled: ") {
			t.Fatalf("seed %d: dpkg went its own way:\n%s", seed, log)
		}
		t.Logf("seed %d: staged", seed)
		g.want(0, nil, "gc", "--yes")
	}
}
