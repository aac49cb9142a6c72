//go:build amd64

package torture

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// host is a Debian root with generations, some of its folders file systems of
// their own, and pictures of what each generation looks like.
type host struct {
	t       *testing.T
	root    string
	flake   string
	disks   []disk
	hostctl string
	cache   string
	now     int             // the generation that it is in
	looks   map[int]picture // by generation
}

// disk is a file system below the root of a host.
type disk struct {
	name   string // opt, usr, var or boot
	kind   string // ext4 and so on
	at     string // where it is mounted
	memory string // the folder that holds its image: a memory of its own, which can be full
}

func (d disk) image() string { return filepath.Join(d.memory, "image") }

// filler is a file that fills it; nothing of ours may be in a /boot.
func (d disk) filler() string {
	if d.kind == "exfat" {
		return filepath.Join(d.at, "filler")
	}
	return filepath.Join(d.at, ".hostctl/filler")
}

// size is what a disk takes by name and kind, in MiB: mkfs.xfs makes
// none below 300, mkfs.btrfs none below 109.
func (d disk) size() int {
	switch {
	case d.kind == "xfs" || d.name != "opt":
		return 300
	case d.kind == "btrfs":
		return 120
	}
	return 40
}

// diskKinds are the file systems that a disk can be.
func diskKinds() []string { return []string{"btrfs", "ext4", "tmpfs", "xfs"} }

// disksOf chooses which folders are separate file systems: /opt, and with every
// second seed also /usr, /var and /boot. The last has no owners, links and inodes.
// Not every kernel has vfat; exfat comes as a program.
func disksOf(seed uint64) string {
	if *disksFlag != "" {
		return *disksFlag
	}
	kind := func(n uint64) string { return diskKinds()[n%uint64(len(diskKinds()))] }
	out := "opt:" + kind(seed)
	if seed/4%2 == 1 {
		out += ",usr:" + kind(seed/8) + ",var:" + kind(seed/32) + ",boot:exfat"
	}
	return out
}

// mount makes a disk and mounts it.
func (h *host) mount(name, kind string) {
	d := disk{name: name, kind: kind, at: filepath.Join(h.root, name), memory: filepath.Join(filepath.Dir(h.root), "memory-"+name)}
	h.disks = append(h.disks, d)
	h.sh("mkdir -p $1", d.at)
	if kind == "tmpfs" {
		h.sh("mount -t tmpfs -o size=$2m,mode=755 none $1", d.at, strconv.Itoa(d.size()))
		return
	}
	h.sh("mkdir $1 && mount -t tmpfs -o size=$2m none $1", d.memory, strconv.Itoa(d.size()+1))
	mount := "mkfs.$2 -q $1 >/dev/null && " + attach("$1", "$3")
	if kind == "ext4" { // which takes blocks of 1 KiB on a disk as small as this
		mount = "mkfs.$2 -q -b 4096 $1 >/dev/null && " + attach("$1", "$3")
	}
	if kind == "exfat" { // its loop device goes with the mount
		mount = "mkfs.$2 $1 >/dev/null && loop=$(losetup -f --show $1) && mount.exfat-fuse $loop $3 && losetup -d $loop"
	}
	h.sh("truncate -s $4M $1 && "+mount, d.image(), kind, d.at, strconv.Itoa(d.size()))
}

// attach is the shell line that mounts an image. The loop driver (Linux 6.18)
// reports a partial write as a complete one. A write of a single page cannot be
// partial, unless it begins in the middle of one.
func attach(image, at string) string {
	return fmt.Sprintf("mount -o loop %[1]s %[2]s && echo 4 > /sys/block/$(basename $(findmnt -no SOURCE %[2]s))/queue/max_sectors_kb", image, at)
}

// newHost makes three generations on a bare one with the real switch: packages
// of all shapes, files and accounts, on all file systems.
func newHost(t *testing.T, disks string) *host {
	t.Helper()
	h := bareHost(t, disks)
	h.sh("mkdir -p $1/srv && echo rows > $1/srv/data", h.root)
	h.look() // generation 0
	for n := 1; n <= 3; n++ {
		h.putFlake(n)
		h.want(0, "switch", "--yes", "--flake", h.flake, "--host", "tortured")
		h.now = n
		h.look()
	}
	h.sh("echo more >> $1/srv/data; echo more >> $1/home/user1/data", h.root)
	h.state()
	return h
}

// bareHost copies the base root into memory, and makes its disks, "" for none.
func bareHost(t *testing.T, disks string) *host {
	t.Helper()
	machine.Need(t, "mmdebstrap", "dpkg-deb", "unshare", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkfs.exfat", "mount.exfat-fuse")
	base, err := machine.Base(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	h := &host{t: t, root: filepath.Join(top, "root"), flake: filepath.Join(top, "flake"), hostctl: filepath.Join(top, "hostctl"), cache: filepath.Join(top, "cache"), looks: map[int]picture{}}
	h.sh("mkdir $1 && mount -t tmpfs -o size=1500m,mode=755 none $1", h.root)
	t.Cleanup(func() { h.sh("umount -R $1; ! ls -d $1/../memory-* >/dev/null 2>&1 || umount $1/../memory-*", h.root) })
	disks, exfat, _ := strings.Cut(disks, ",boot:")
	for _, d := range strings.FieldsFunc(disks, func(r rune) bool { return r == ',' }) {
		name, kind, _ := strings.Cut(d, ":")
		h.mount(name, kind)
	}
	h.sh("cp -a $2/. $1 && rm -rf $1/usr/share/doc $1/usr/share/locale $1/usr/share/man $1/usr/share/i18n", h.root, base)
	if exfat != "" { // which could not take the owners that cp gives
		h.mount("boot", exfat)
	}
	h.sh("CGO_ENABLED=0 go build -trimpath -o $1 github.com/hostctl/hostctl/cmd/hostctl", h.hostctl)
	return h
}

// state adds to every picture what stays in any generation: paths that a generation
// made and that nobody owns, and what is below them.
func (h *host) state() {
	h.t.Helper()
	all := pictureOf(h.root)
	kept := []string{"/srv/data", "/home/user1/data"}
	for n := 1; n <= 3; n++ {
		var meta struct {
			StatePaths []string `json:"state_paths"`
		}
		b, err := os.ReadFile(filepath.Join(h.root, "var/lib/hostctl/generations", strconv.Itoa(n), "meta.json"))
		if err == nil {
			err = json.Unmarshal(b, &meta)
		}
		if err != nil || len(meta.StatePaths) == 0 {
			h.t.Fatalf("generation %d made no state: %v", n, err)
		}
		kept = append(kept, meta.StatePaths...)
	}
	for _, look := range h.looks {
		for _, p := range kept {
			look[p] = all[p]
		}
	}
}

func (h *host) sh(line string, args ...string) string {
	h.t.Helper()
	out, err := exec.Command("sh", append([]string{"-ec", line, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// putFlake writes the configuration of generation n, and builds its packages.
func (h *host) putFlake(n int, more ...repo.Package) {
	h.t.Helper()
	version := strconv.Itoa(1 + n%2)
	opt := repo.Package{Name: "dt-opt", Version: version, Files: map[string]string{}}
	for i := range 12 {
		opt.Files[fmt.Sprintf("/opt/dt/%s/%d", version, i)] = fmt.Sprintf("%d of %s\n", i, version)
		opt.Files[fmt.Sprintf("/opt/dt/both/%d", i)] = fmt.Sprintf("%d of %s\n", i, version)
	}
	for i := range 4 {
		opt.Files[fmt.Sprintf("/boot/dt/%s/%d", version, i)] = fmt.Sprintf("%d of %s\n", i, version)
		opt.Files[fmt.Sprintf("/boot/dt/both/%d", i)] = strings.Repeat(fmt.Sprintf("%d of %s\n", i, version), 20000*i)
	}
	opt.Files[map[string]string{"1": "/boot/dt/turns/into", "2": "/boot/dt/turns"}[version]] = "a folder into a file\n"
	packages := []repo.Package{
		opt, repo.Base(version), repo.Config(version), repo.Daemon(version), repo.Linked(version), repo.Shape(version), repo.Trigger(version),
	}
	packages = append(packages, more...)
	hcl := ""
	for _, p := range packages {
		hcl += fmt.Sprintf("package %q {}\n", p.Name)
	}
	hcl += fmt.Sprintf("file \"/etc/tortured/both\" {\n  content = \"of generation %d\\n\"\n}\n", n)
	hcl += fmt.Sprintf("file \"/etc/tortured/%d/only\" {\n  content = \"of generation %d\\n\"\n  mode = \"0600\"\n}\n", n, n)
	hcl += fmt.Sprintf("user \"user%d\" {\n  home = \"/home/user%d\"\n  shell = \"/bin/sh\"\n}\n", n, n)
	files := map[string]string{
		"flake.hcl":                    "input \"debian\" {\n  url        = \"debian:trixie\"\n  components = [\"main\"]\n}\n\nhost \"tortured\" {\n  system  = \"amd64\"\n  modules = [\"./hosts/tortured\"]\n}\n",
		"hosts/tortured/default.hcl":   hcl,
		"hosts/tortured/packages.lock": string(apt.FormatLock(h.build(packages))),
	}
	for name, text := range files {
		at := filepath.Join(h.flake, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
}

// build makes packages and puts them into hostctl's cache.
func (h *host) build(packages []repo.Package) []spec.Locked {
	h.t.Helper()
	r := repo.New(h.t)
	r.Add(packages...)
	var out []spec.Locked
	for _, p := range packages {
		path := filepath.Join("pool/main", p.Name[:1], p.Name, p.Name+"_"+p.Version+"_"+r.Arch()+".deb")
		b, err := os.ReadFile(filepath.Join(r.Dir, path))
		if err != nil {
			h.t.Fatal(err)
		}
		l := spec.Locked{Name: p.Name, Version: p.Version, Arch: r.Arch(), SHA256: spec.Sum(b), Size: int64(len(b)), Input: "debian", Path: path}
		at := apt.Cache{Dir: h.cache}.Deb(l)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			h.t.Fatal(err)
		}
		if err := system.WriteFile(at, b, 0o644, 0, 0); err != nil {
			h.t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// args is the command line of hostctl on this host.
func (h *host) args(args ...string) []string {
	return append([]string{"env", "HOSTCTL_CACHE=" + h.cache, h.hostctl, "--root", h.root}, args...)
}

// want runs hostctl, which must exit with that code, and returns its output.
func (h *host) want(code int, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(h.args()[0], h.args(args...)[1:]...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		h.t.Fatalf("hostctl %s: %v, exit code %d was wanted\n%s", strings.Join(args, " "), err, code, out)
	}
	return string(out)
}

// picture is a root as it can be seen: its manifest, and the times of its
// folders, which a manifest leaves out.
type picture map[string]string

// pictureOf reads all file systems.
func pictureOf(root string) picture {
	out := picture{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, root)
		if untold(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		out[rel], err = describe(path, rel)
		return err
	})
	if err != nil {
		panic(err)
	}
	return out
}

// untold are the paths that are not part of a generation.
func untold(rel string) bool {
	for _, e := range machine.Running() {
		if !e.Time && (rel == e.Path || strings.HasSuffix(e.Path, "*") && strings.HasPrefix(rel, strings.TrimSuffix(e.Path, "*"))) {
			return true
		}
	}
	return filepath.Base(rel) == ".hostctl" || strings.HasPrefix(rel, "/etc/") && strings.HasSuffix(rel, "-")
}

func describe(path, rel string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	xattrs, err := machine.XAttrs(path)
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("%o %d:%d %s", st.Mode, st.Uid, st.Gid, xattrs)
	told := true // the time
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		// The root's own time, those around hostctl's records, and that of /usr
		// change on purpose.
		told = !slices.Contains([]string{"", "/var", "/var/lib", "/var/cache", "/usr", "/opt"}, rel) && !onBoot(rel)
	case unix.S_IFREG:
		digest, err := digestOf(path, &st, !onBoot(rel))
		if err != nil {
			return "", err
		}
		line += fmt.Sprintf(" %d links %s", st.Nlink, digest)
		told = !accountFile(rel)
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		line += " -> " + target
	}
	if told {
		line += fmt.Sprintf(" at %d", st.Mtim.Nano())
	}
	return line, nil
}

// digests are those of inodes that were read before, by number and time of change:
// most of a root stays the same. The hosts share them.
var digests sync.Map

func digestOf(path string, st *unix.Stat_t, inodes bool) (string, error) {
	key := [3]uint64{st.Dev, st.Ino, uint64(st.Ctim.Nano())}
	if digest, ok := digests.Load(key); ok && inodes {
		return digest.(string), nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	digest := spec.Sum(b)
	digests.Store(key, digest)
	return digest, nil
}

// onBoot: where inodes and the times of folders may mean nothing.
func onBoot(rel string) bool { return rel == "/boot" || strings.HasPrefix(rel, "/boot/") }

// accountFile: merged by entry, so that it has a time of its own.
func accountFile(rel string) bool {
	return slices.Contains([]string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"}, rel)
}

func (h *host) look() { h.looks[h.now] = pictureOf(h.root) }

// diff lists up to twenty paths on which two pictures differ.
func (a picture) diff(b picture) []string {
	paths := maps.Clone(a)
	maps.Copy(paths, b)
	var out []string
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		if a[p] != b[p] && len(out) < 20 {
			out = append(out, fmt.Sprintf("%s: %q, is %q", p, a[p], b[p]))
		}
	}
	return out
}

// settle says in which of two generations the host is after a recovery; neither
// would be a third state.
func (h *host) settle(from, to int, what string) bool {
	h.t.Helper()
	is := pictureOf(h.root)
	link, err := os.Readlink(filepath.Join(h.root, "var/lib/hostctl/current"))
	if err != nil {
		h.t.Errorf("%s: %v", what, err)
		return false
	}
	current, err := strconv.Atoi(filepath.Base(link))
	if err != nil || current != from && current != to {
		h.t.Errorf("%s: current is %s", what, link)
		return false
	}
	h.now = current
	if lines := h.looks[current].diff(is); len(lines) > 0 {
		h.t.Errorf("%s: a third state, against generation %d:\n  %s", what, current, strings.Join(lines, "\n  "))
		return false
	}
	for _, leftover := range []string{
		".hostctl/journal", ".hostctl/ballast", ".hostctl/tx", ".hostctl/stage", "*/.hostctl/ballast", "*/.hostctl/tx", "*/.hostctl/stage",
		"var/lib/hostctl/current.new", "var/lib/hostctl/generations/.*",
	} {
		if found, _ := filepath.Glob(filepath.Join(h.root, leftover)); len(found) > 0 {
			h.t.Errorf("%s: left behind: %v", what, found)
			return false
		}
	}
	if out := h.sh("dpkg --root=$1 --audit 2>&1", h.root); out != "" {
		h.t.Errorf("%s: dpkg --audit: %s", what, out)
		return false
	}
	return true
}

// to brings the host to a generation without disturbing it.
func (h *host) to(n int) {
	h.t.Helper()
	if h.now != n {
		h.want(0, "rollback", "--to", strconv.Itoa(n), "--yes")
		if !h.settle(n, n, fmt.Sprintf("undisturbed to %d", n)) {
			h.t.FailNow()
		}
	}
}
