package stage_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// TestNoOverlay stages packages on file systems that can be no layer of an
// overlay: a /boot of exfat takes part as a copy and holds no links, and a
// /opt that can be neither is read-only.
func TestNoOverlay(t *testing.T) {
	base := os.Getenv("HOSTCTL_TEST_ROOT")
	if base == "" || os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root, and HOSTCTL_TEST_ROOT to name a Debian root; 'make test' gives both")
		}
		t.Skip("needs root, and HOSTCTL_TEST_ROOT to name a Debian root")
	}
	machine.Need(t, "mkfs.exfat", "mount.exfat-fuse")
	dir, err := os.MkdirTemp(filepath.Dir(base), "stage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root := filepath.Join(dir, "root")
	boot, opt := filepath.Join(root, "boot"), filepath.Join(root, "opt")
	command(t, "cp", "-a", "--reflink=auto", base, root)
	command(t, "mkdir", "-p", opt)
	command(t, "mount", "-t", "ramfs", "ramfs", opt)
	t.Cleanup(func() { command(t, "umount", opt) })
	command(t, "sh", "-ec", "truncate -s 20M $1/image; mkfs.exfat $1/image; loop=$(losetup -f --show $1/image); mount.exfat-fuse $loop $2; losetup -d $loop", "sh", dir, boot)
	t.Cleanup(func() { command(t, "umount", boot) })
	command(t, "sh", "-ec", "echo foreign > $1/foreign; echo old > $1/replaced; mkdir $1/empty", "sh", boot)

	try := func(line string) (*stage.Result, error) {
		t.Helper()
		tree := t.TempDir()
		script := "#!/bin/sh\nset -e\n" + line + "\n"
		command(t, "mkdir", filepath.Join(tree, "DEBIAN"))
		for name, text := range map[string]string{"control": "Package: t\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n", "postinst": script} {
			if err := os.WriteFile(filepath.Join(tree, "DEBIAN", name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		deb := filepath.Join(t.TempDir(), "t_1_all.deb")
		command(t, "dpkg-deb", "--build", "--root-owner-group", tree, deb)
		lock := store(t, root, deb)
		return stage.Run(t.Context(), stage.Request{
			Root: root, Generation: 1, Want: &spec.Host{Version: 1, Name: "t", Packages: map[string]spec.Package{"t": {}}}, Prev: &spec.Host{}, Lock: lock,
			Plan: &spec.Plan{Changes: []spec.Change{{ID: spec.ID{Kind: spec.KindPackage, Name: "t"}, Action: spec.Create}}},
		}, testLog{t})
	}
	for line, says := range map[string]string{
		"ln -s foreign /boot/link": "/boot/link is no file or folder, and the file system of /boot holds nothing else",
		"echo one > /opt/file":     "/opt (ramfs) is read-only in a stage",
	} {
		if _, err := try(line); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", line, err)
		}
	}
	res, err := try("echo new > /boot/new; echo new > /boot/replaced; touch /boot/foreign; chmod 0600 /boot/foreign; rmdir /boot/empty; mkdir /boot/made")
	if err == nil {
		err = res.Gone()
	}
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	for _, e := range res.Changeset.Entries {
		if res.Changeset.Mounts[e.FS].Copies {
			changed = append(changed, e.Path)
		}
	}
	if want := []string{"/boot/empty", "/boot/made", "/boot/new", "/boot/replaced"}; !slices.Equal(changed, want) {
		t.Errorf("on /boot %v change, not %v", changed, want)
	}
	holds := func(want string) {
		t.Helper()
		out := ""
		for _, name := range []string{"new", "replaced", "foreign"} {
			b, err := os.ReadFile(filepath.Join(boot, name))
			if err == nil {
				out += name + " " + string(b)
			}
		}
		if out != want {
			t.Errorf("/boot holds %q, not %q", out, want)
		}
	}
	holds("replaced old\nforeign foreign\n")
	transact(t, root, func(b *transaction.Builder) { b.Forward(res.Changeset, true) })
	holds("new new\nreplaced new\nforeign foreign\n")
	transact(t, root, func(b *transaction.Builder) { b.Inverse(res.Changeset) })
	holds("replaced old\nforeign foreign\n")
}
