package host

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// A kernel comes with an initramfs that was made when its files were in place,
// with hostctl's recovery in it; an initramfs that cannot be made takes the
// generation back; and with the kernel goes what was made for it.
func TestKernel(t *testing.T) {
	t.Parallel()
	g := locked(t, "testdata/kernel", "kernel")
	zero := g.manifest()
	g.sh("mount -t tmpfs -o size=60m tmpfs /boot")
	g.want(1, []string{"cannot make what the machine boots from", "the file system of /boot is too full: 64.0 MiB are needed there", "nothing on this machine was changed"}, "switch", "--yes")
	g.sh("umount /boot")
	r := g.want(0, []string{"making /boot/initrd.img-"}, "switch", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	version := filepath.Base(g.sh("ls -d /usr/lib/modules/*"))
	image := "/boot/initrd.img-" + version
	files := g.sh("lsinitramfs " + image)
	for _, want := range []string{"scripts/local-bottom/hostctl", "usr/lib/modules/" + version + "/modules.dep"} {
		if !strings.Contains(files, want+"\n") {
			t.Errorf("%s lacks %s", image, want)
		}
	}
	g.says("readlink -f /vmlinuz /initrd.img; dpkg --audit", "/boot/vmlinuz-"+version+"\n"+image)
	g.want(0, nil, "plan", "--detailed-exitcode")
	before := g.sh("sha256sum " + image)

	g.edit("hosts/kernel/default.hcl", `file "/etc/motd" {`, `file "/etc/initramfs-tools/hooks/broken" {
  content = "#!/bin/sh\nexit 1\n"
  mode    = "0755"
}

file "/etc/motd" {`)
	g.want(3, []string{"mkinitramfs", "the old one stays", "going back to generation 1"}, "switch", "--yes")
	g.says("test -e /etc/initramfs-tools/hooks/broken; echo $?", "1")
	g.says("ls /boot/initrd.img-*", image)
	g.says("lsinitramfs "+image+" | grep -c local-bottom/hostctl", "1")
	t.Logf("before %s, after %s", before, g.sh("sha256sum "+image))

	// A rollback also remakes images, and says before it begins if there is no space
	// for them.
	g.edit("hosts/kernel/default.hcl", "exit 1", "exit 0")
	g.want(0, []string{"making " + image}, "switch", "--yes")
	g.sh("cp -a /boot /root/boot && mount -t tmpfs -o size=$(($(du -sm /boot | cut -f1) + 4))m tmpfs /boot && cp -a /root/boot/. /boot && rm -r /root/boot")
	g.want(1, []string{"cannot make what the machine boots from", "the file system of /boot is too full", "nothing on this machine was changed"}, "rollback", "--yes")
	g.says("test -e /etc/initramfs-tools/hooks/broken; echo $?", "0")
	g.sh("umount /boot")
	g.want(0, []string{"making " + image}, "rollback", "--yes")

	g.want(0, []string{"remove " + image}, "rollback", "--to", "0", "--yes")
	g.same("rollback to before the kernel", zero, append(machine.Accounts(), g.state()...)...)
}
