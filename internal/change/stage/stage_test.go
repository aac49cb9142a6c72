package stage_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// TestMain lets the stage start this binary inside its namespaces, as it
// starts hostctl.
func TestMain(m *testing.M) {
	if slices.Contains(bootloader.Tools(), filepath.Base(os.Args[0])) {
		os.Exit(stage.Tool(os.Args))
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case stage.ChildCommand:
			reply := os.NewFile(3, "reply")
			if err := stage.Child(os.Stdin, reply); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case stage.RunCommand:
			if err := stage.Inside(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
				stage.Reply(err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// prepare makes in a root what the package's script will work on: each of
// the shapes that overlayfs leaves incomplete in an upper layer.
const prepare = `set -e
mkdir -p /usr/share/t/{renamed/sub,opaque,gone/deep,todir.d,plain} /srv/data
echo 1 >/usr/share/t/renamed/a; echo 2 >/usr/share/t/renamed/sub/b; ln /usr/share/t/renamed/a /usr/share/t/renamed/sub/a2
echo 1 >/usr/share/t/opaque/a; echo 2 >/usr/share/t/opaque/b
echo 1 >/usr/share/t/gone/deep/f; ln -s deep /usr/share/t/gone/l
echo file >/usr/share/t/tofile-was; echo x >/usr/share/t/todir.d/x
head -c 300000 /dev/zero >/usr/share/t/big; cp -a /usr/share/t/big /usr/share/t/chowned
echo one >/usr/share/t/h1; ln /usr/share/t/h1 /usr/share/t/h2; ln /usr/share/t/h1 /usr/share/t/plain/h3
echo m >/usr/share/t/m1; ln /usr/share/t/m1 /usr/share/t/m2
echo row >/srv/data/rows
echo was >/etc/t.local
chmod 0755 /usr/share/t
`

// script is the postinst: it does to the tree what packages do to theirs.
const script = `#!/bin/sh
set -e
cd /usr/share/t
mv renamed renamed2
rm -rf opaque; mkdir opaque; echo 3 >opaque/c
rm -rf gone
rm tofile-was; mkdir tofile-was; echo in >tofile-was/f
rm -rf todir.d; echo now a file >todir.d
chown root:root chowned
chmod 0600 big
echo two >>h1
chmod 0640 m1
chmod 0700 plain
mkdir -m 0750 fresh; echo new >fresh/new; ln fresh/new fresh/new2; ln -s new fresh/link
mkfifo fresh/fifo
perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) and bind(S, sockaddr_un("fresh/socket")) or die $!'
mknod fresh/null c 1 3
mkdir /var/cache/t; echo cache >/var/cache/t/c
mkdir -p /var/lib/t; echo state >/var/lib/t/state
echo changed >>/srv/data/rows
echo log >>/var/log/t.log
echo is >/etc/t.local; touch -d @1000000000 /etc/t.local
[ -d /run/hostctl ] || exit 0
update-initramfs -u
dracut -q --force /boot/initrd.img-1 1
! bootctl is-installed --quiet
! bootctl --print-esp-path
bootctl install --make-machine-id-directory=auto
update-initramfs -u
efibootmgr -q --create --label 'Two words'
test -z "$(efibootmgr)"
`

// asked is what of the postinst would have changed what the machine boots from.
const asked = "update-initramfs\t-u\ndracut\t-q\t--force\t/boot/initrd.img-1\t1\nbootctl\tinstall\t--make-machine-id-directory=auto\nefibootmgr\t-q\t--create\t--label\tTwo words"

// TestStageEqualsInPlace installs a package twice, once by hostctl and once
// by dpkg in place, and compares everything; then it goes back, and forward
// again. It does so on one file system, with /var on one of its own
// (engine rule 11), and where that one's top is somebody's, as that of a
// database's disk is.
func TestStageEqualsInPlace(t *testing.T) {
	base := os.Getenv("HOSTCTL_TEST_ROOT")
	if base == "" || os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root, and HOSTCTL_TEST_ROOT to name a Debian root; 'make test' gives both")
		}
		t.Skip("needs root, and HOSTCTL_TEST_ROOT to name a Debian root")
	}
	t.Run("one file system", func(t *testing.T) { equalsInPlace(t, base, false, 0) })
	t.Run("var on its own", func(t *testing.T) { equalsInPlace(t, base, true, 0) })
	t.Run("somebody's var on its own", func(t *testing.T) { equalsInPlace(t, base, true, 65534) })
}

func equalsInPlace(t *testing.T, base string, separate bool, owner int) {
	dir, err := os.MkdirTemp(filepath.Dir(base), "stage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	for _, root := range []string{ours, theirs} {
		command(t, "cp", "-a", "--reflink=auto", base, root)
	}
	if separate {
		ownVar(t, ours)
	}
	for _, root := range []string{ours, theirs} {
		furnish(t, root)
		if err := os.Chown(filepath.Join(root, "var"), owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	before := take(t, ours)
	deb := build(t, dir, script)
	lock := store(t, ours, deb)

	command(t, "cp", deb, filepath.Join(theirs, "t.deb"))
	command(t, "chroot", theirs, "dpkg", "-i", "/t.deb")
	command(t, "rm", filepath.Join(theirs, "t.deb"))

	want := &spec.Host{Version: 1, Name: "t", Packages: map[string]spec.Package{"t": {}}}
	res, err := stage.Run(t.Context(), stage.Request{
		Root: ours, Generation: 1, Want: want, Prev: &spec.Host{}, Lock: lock,
		Plan: &spec.Plan{Changes: []spec.Change{{ID: spec.ID{Kind: spec.KindPackage, Name: "t"}, Action: spec.Create}}},
	}, testLog{t})
	if err == nil {
		err = res.Gone()
	}
	if err != nil {
		t.Fatal(err)
	}
	same(t, "staging touched the live root", before, take(t, ours), area())

	checkConfig(t, ours, res)
	if got := strings.Join(res.Boot, "\n"); got != asked {
		t.Errorf("what a script asked of the boot loader is %q", got)
	}

	transact(t, ours, func(b *transaction.Builder) { b.Forward(res.Changeset, true) })
	after := take(t, ours)
	noSpecialFiles(t, ours)
	same(t, "hostctl and dpkg in place differ", take(t, theirs), after, differences())
	if !slices.Contains(res.Changeset.Kept, "/srv/data/rows") {
		t.Errorf("the changed data is not reported as kept: %v", res.Changeset.Kept)
	}
	transact(t, ours, func(b *transaction.Builder) { b.Inverse(res.Changeset) })
	same(t, "going back is not exact", before, take(t, ours), stays())
	if _, err := os.Lstat(filepath.Join(ours, "var/cache/t/c")); err != nil {
		t.Errorf("a rollback takes a cache away: %v", err)
	}
	transact(t, ours, func(b *transaction.Builder) { b.Forward(res.Changeset, false) })
	same(t, "going forward again is not exact", after, take(t, ours), area())
}

// checkConfig: the bytes of a config file are to be had on either side of the
// edge, whatever becomes of its nodes.
func checkConfig(t *testing.T, ours string, res *stage.Result) {
	t.Helper()
	i := slices.IndexFunc(res.Changeset.Entries, func(e changeset.Entry) bool { return e.Path == "/etc/t.local" })
	if i < 0 {
		t.Fatal("/etc/t.local is not in the changeset")
	}
	for n, want := range map[*node.Node]string{res.Changeset.Entries[i].Before: "was\n", res.Changeset.Entries[i].After: "is\n"} {
		if got, err := res.Config[n.Digest].Read(ours); err != nil || string(got) != want {
			t.Errorf("/etc/t.local that was or is %q is %q, %v", want, got, err)
		}
	}
}

const special = "sockets, pipes and devices are no part of a generation (engine rule 24)"

func noSpecialFiles(t *testing.T, ours string) {
	t.Helper()
	for _, name := range []string{"fifo", "socket", "null"} {
		if _, err := os.Lstat(filepath.Join(ours, "usr/share/t/fresh", name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v; %s", name, err, special)
		}
	}
}

func same(t *testing.T, what string, want, got machine.Manifest, but []machine.Exclusion) {
	t.Helper()
	if d := machine.Diff(want, got, but); len(d) > 0 {
		t.Errorf("%s:\n%s", what, strings.Join(d, "\n"))
	}
}

// ownVar gives a root's /var a file system of its own.
func ownVar(t *testing.T, root string) {
	t.Helper()
	at, aside := filepath.Join(root, "var"), filepath.Join(root, "var.was")
	command(t, "mv", at, aside)
	command(t, "mkdir", at)
	command(t, "mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", at)
	t.Cleanup(func() { command(t, "umount", "--lazy", at) })
	command(t, "cp", "-a", aside+"/.", at)
	command(t, "rm", "-r", aside)
}

// furnish makes the tree that the package's script works on.
func furnish(t *testing.T, root string) {
	t.Helper()
	command(t, "chroot", root, "bash", "-c", prepare)
	for path, name := range map[string]string{"plain": "user.note", "big": "trusted.note", "chowned": "user.note"} {
		if err := unix.Setxattr(filepath.Join(root, "usr/share/t", path), name, []byte("hello"), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func area() []machine.Exclusion {
	const why = "hostctl's own area: stage, undo and journal"
	return []machine.Exclusion{{Path: "/.hostctl", Why: why}, {Path: "/var/.hostctl", Why: why}}
}

func stays() []machine.Exclusion {
	return append(area(),
		machine.Exclusion{Path: "/var/lib/t", Why: "state, which a rollback leaves"},
		machine.Exclusion{Path: "/var/cache/t", Why: "a cache is state (engine rule 16)"},
		machine.Exclusion{Path: "/var/log", Why: "logs made since are state"})
}

// differences are where a staged installation is meant to differ from one in
// place.
func differences() []machine.Exclusion {
	return append(area(),
		machine.Exclusion{Path: "/usr/share/t/fresh/fifo", Why: special},
		machine.Exclusion{Path: "/usr/share/t/fresh/socket", Why: special},
		machine.Exclusion{Path: "/usr/share/t/fresh/null", Why: special},
		machine.Exclusion{Path: "/srv/data/rows", Why: "state that exists is never replaced (engine rule 1)"},
		machine.Exclusion{Path: "/var/log", Why: "logs that exist are nobody's content"},
		machine.Exclusion{Path: "/var/cache/apt", Why: "only apt makes its caches, and theirs was dpkg alone"},
		machine.Exclusion{Path: "/var/lib/apt/extended_states", Why: "only apt marks packages"},
		machine.Exclusion{Path: "/var/cache/debconf", Why: "backups are made by every debconf run, of which apt causes one more"},
		machine.Exclusion{Path: "/var/lib/dpkg", Time: true, Why: "written at another second"},
		machine.Exclusion{Path: "/var/lib/dpkg/status-old", Why: "a backup, volatile"},
		machine.Exclusion{Path: "/var/lib/dpkg/lock", Why: "locks are the live root's (engine rule 8)"},
		machine.Exclusion{Path: "/var/lib/dpkg/lock-frontend", Why: "locks are the live root's (engine rule 8)"},
		machine.Exclusion{Path: "/var/lib/dpkg/triggers/Lock", Why: "locks are the live root's (engine rule 8)"},
		machine.Exclusion{Path: "/usr/share/t", Time: true, Why: "the two scripts ran at different seconds"},
		machine.Exclusion{Path: "/var/cache/t", Time: true, Why: "the two scripts ran at different seconds"},
		machine.Exclusion{Path: "/var/lib/t", Time: true, Why: "the two scripts ran at different seconds"},
	)
}

// take makes the manifest of a root and, where that is on its own, of /var.
func take(t *testing.T, root string) machine.Manifest {
	t.Helper()
	m, err := machine.Take(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m["/var/lib"]; ok {
		return m
	}
	below, err := machine.Take(filepath.Join(root, "var"))
	if err != nil {
		t.Fatal(err)
	}
	for path, entry := range below {
		if path == "/" {
			continue
		}
		links := strings.Fields(entry.Links)
		for i := range links {
			links[i] = "/var" + links[i]
		}
		entry.Links = strings.Join(links, " ")
		m["/var"+path] = entry
	}
	return m
}

func transact(t *testing.T, root string, way func(*transaction.Builder)) {
	t.Helper()
	b := transaction.NewBuilder(root, "test", nil)
	way(b)
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	j := commit.Journal{Root: root}
	if err := j.Commit(tx); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// build makes the package, with a file that has a hard link and a capability
// of its own.
func build(t *testing.T, dir, postinst string) string {
	t.Helper()
	tree := filepath.Join(dir, "t")
	for path, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"DEBIAN/control":      {"Package: t\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n", 0o644},
		"DEBIAN/postinst":     {postinst, 0o755},
		"DEBIAN/conffiles":    {"/etc/t.conf\n", 0o644},
		"etc/t.conf":          {"a = 1\n", 0o644},
		"usr/bin/t":           {"#!/bin/sh\n", 0o755},
		"usr/share/doc/t/doc": {"doc\n", 0o644},
	} {
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(tree, "usr/bin/t"), filepath.Join(tree, "usr/bin/t2")); err != nil {
		t.Fatal(err)
	}
	deb := filepath.Join(dir, "t_1_all.deb")
	command(t, "dpkg-deb", "--build", "--root-owner-group", tree, deb)
	return deb
}

// store locks the package and puts it where a stage of the root takes it.
func store(t *testing.T, root, deb string) []spec.Locked {
	t.Helper()
	b, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	l := spec.Locked{Name: "t", Version: "1", Arch: "all", SHA256: spec.Sum(b), Size: int64(len(b)), Input: "debian", Path: "pool/t_1_all.deb"}
	cache := apt.Cache{Dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Dir(cache.Deb(l)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cache.Deb(l), b, 0o644); err != nil {
		t.Fatal(err)
	}
	to, err := stage.MakeDebs(root)
	if err == nil {
		err = cache.Take(t.Context(), []spec.Locked{l}, to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []spec.Locked{l}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// What a killed run has left may be written to for a moment longer.
func TestDiscardOutlastsTheDying(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, node.AreaName, "stage", "upper")
	if err := os.MkdirAll(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	dead := time.Now().Add(300 * time.Millisecond)
	var dying sync.WaitGroup
	for range 4 {
		dying.Go(func() {
			for i := 0; time.Now().Before(dead); i++ {
				_ = os.WriteFile(filepath.Join(dir, "d", strconv.Itoa(i)), nil, 0o600) // until its folder is gone
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := stage.Discard(root, 1); err != nil {
		t.Error(err)
	}
	dying.Wait()
	if _, err := os.Lstat(dir); err == nil {
		t.Error("it is still there")
	}
}
