package apt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// archive is a repository of test packages, and what resolves from it.
type archive struct {
	*repo.Repo
	cache  apt.Cache
	source apt.Source
}

func newArchive(t *testing.T, packages ...repo.Package) *archive {
	t.Helper()
	apt.Need(t, "apt-get", "apt")
	apt.Need(t, "dpkg-deb", "dpkg")
	r := repo.New(t)
	r.Add(packages...)
	t.Setenv("HOSTCTL_MIRROR", r.URL())
	return &archive{r, apt.Cache{Dir: t.TempDir()}, apt.Source{Input: "debian", Suite: repo.Suite, Keyring: r.Keyring}}
}

func (a *archive) resolve(t *testing.T, want map[string]spec.Package) ([]spec.Locked, error) {
	t.Helper()
	return a.cache.Resolve(t.Context(), a.Arch(), []apt.Source{a.source}, want, func(string, int64) {})
}

// lock resolves and fetches.
func (a *archive) lock(t *testing.T, names ...string) []spec.Locked {
	t.Helper()
	want := map[string]spec.Package{}
	for _, name := range names {
		want[name] = spec.Package{}
	}
	locked, err := a.resolve(t, want)
	if err == nil {
		err = a.fetch(t, locked)
	}
	if err != nil {
		t.Fatal(err)
	}
	return locked
}

func (a *archive) fetch(t *testing.T, locked []spec.Locked) error {
	t.Helper()
	return a.cache.Fetch(t.Context(), []apt.Source{a.source}, locked, nil)
}

func names(locked []spec.Locked) string {
	var all []string
	for _, l := range locked {
		all = append(all, l.Name+"="+l.Version)
	}
	return strings.Join(all, " ")
}

func expect(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Fatalf("error is %v; want %q in it", err, part)
		}
	}
}

func TestResolve(t *testing.T) {
	a := newArchive(t, repo.Standard("1")...)
	a.Add(
		repo.Package{Name: "dt-essential", Version: "1", Fields: map[string]string{"Essential": "yes"}},
		repo.Package{Name: "dt-required", Version: "1", Fields: map[string]string{"Priority": "required", "Provides": "dt-virtual", "Recommends": "dt-shape"}},
	)
	locked, err := a.resolve(t, map[string]spec.Package{"dt-base": {}})
	if got, want := names(locked), "dt-base=1 dt-config=1 dt-essential=1 dt-required=1"; err != nil || got != want {
		t.Fatalf("Resolve = %q, %v; want %q", got, err, want)
	}
	again, err := apt.ParseLock(apt.FormatLock(locked))
	if err != nil || !reflect.DeepEqual(again, locked) {
		t.Errorf("the lock of a resolution cannot be read back: %v", err)
	}
	_, err = a.resolve(t, map[string]spec.Package{"dt-abse": {}, "dt-virtual": {}, "dt-shape": {From: "nowhere"}, "dt-none-such-at-all": {Absent: true}})
	expect(t, err, "3 not found", "did you mean dt-base?", "provides it: dt-required", `no Debian input "nowhere"`)
	_, err = a.resolve(t, map[string]spec.Package{"dt-base": {}, "dt-config": {Absent: true}})
	expect(t, err, "dt-base : Depends: dt-config", "absent")
	locked, err = a.resolve(t, map[string]spec.Package{"dt-required": {Absent: true}})
	if err != nil || strings.Contains(names(locked), "dt-required") {
		t.Errorf("an absent package was chosen: %s, %v", names(locked), err)
	}
}

func TestResolveFromAnotherInput(t *testing.T) {
	old, next := repo.New(t), repo.New(t)
	old.Add(repo.Base("1"), repo.Config("1"), repo.Shape("1"))
	base := repo.Base("2")
	base.Fields = map[string]string{"Depends": "dt-config (>= 2)"}
	next.Add(base, repo.Config("2"), repo.Shape("2"), repo.Thief())
	t.Setenv("HOSTCTL_MIRROR", old.URL())
	stamp := time.Now().UTC().Format(stampLayout)
	snapshot(t, next, stamp)
	sources := []apt.Source{
		{Input: "debian", Suite: repo.Suite, Keyring: old.Keyring},
		{Input: "next", Suite: repo.Rolling, Snapshot: stamp, Keyring: next.Keyring},
	}
	cache := apt.Cache{Dir: t.TempDir()}
	locked, err := cache.Resolve(t.Context(), old.Arch(), sources, map[string]spec.Package{"dt-base": {From: "next"}, "dt-shape": {}}, func(string, int64) {})
	if got, want := names(locked), "dt-base=2 dt-config=2 dt-shape=1"; err != nil || got != want {
		t.Fatalf("Resolve = %q, %v; want %q", got, err, want)
	}
	if locked[0].Input != "next" || locked[2].Input != "debian" {
		t.Errorf("inputs are %s and %s", locked[0].Input, locked[2].Input)
	}
	_, err = cache.Resolve(t.Context(), old.Arch(), sources, map[string]spec.Package{"dt-thief": {}}, func(string, int64) {})
	expect(t, err, `from = input.next`)
	if err := cache.Fetch(t.Context(), sources, locked, nil); err != nil {
		t.Error(err)
	}
}

const stampLayout = "20060102T150405Z"

// snapshot makes r the dated archive of that stamp.
func snapshot(t *testing.T, r *repo.Repo, stamp string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	apt.LinkTest(t, r.Dir, filepath.Join(dir, "debian", stamp))
	t.Setenv("HOSTCTL_SNAPSHOT", "file://"+dir)
}

// A snapshot may be older than its Release is valid, but not have been so on
// its own day.
func TestSnapshotIsJudgedByItsDate(t *testing.T) {
	a := newArchive(t, repo.Config("1"))
	a.Expire() // valid from eight days ago until yesterday
	a.source.Suite = repo.Rolling
	want := map[string]spec.Package{"dt-config": {}}
	a.source.Snapshot = time.Now().Add(-3 * 24 * time.Hour).UTC().Format(stampLayout)
	snapshot(t, a.Repo, a.source.Snapshot)
	if locked, err := a.resolve(t, want); err != nil || names(locked) != "dt-config=1" {
		t.Errorf("a sound snapshot: %s, %v", names(locked), err)
	}
	a.source.Snapshot = time.Now().UTC().Format(stampLayout)
	snapshot(t, a.Repo, a.source.Snapshot)
	_, err := a.resolve(t, want)
	expect(t, err, "cannot use snapshot "+a.source.Snapshot, `input "debian"`, "another date")
}

func TestResolveVerifies(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*archive)
		want   []string
	}{
		"expired":     {func(a *archive) { a.Expire() }, []string{`input "debian"`, repo.Suite, "has expired", "clock"}},
		"unsigned":    {func(a *archive) { a.Unsign() }, []string{`input "debian"`, repo.Suite, "no valid signature", "keyring"}},
		"other key":   {func(a *archive) { a.SignWrongly() }, []string{`input "debian"`, "not signed by a key of its keyring", a0Keyring}},
		"no keyring":  {func(a *archive) { a.source.Keyring = "/nonexistent/keyring.gpg" }, []string{"/nonexistent/keyring.gpg", "debian-archive-keyring"}},
		"no suite":    {func(a *archive) { a.source.Suite = "potato" }, []string{"potato", "does not have this suite"}},
		"component":   {func(a *archive) { a.source.Components = []string{"main", "contrib"} }, []string{`"contrib"`, "has main"}},
		"no snapshot": {func(a *archive) { a.source.Snapshot = "20200101T000000Z" }, []string{"HOSTCTL_SNAPSHOT is not set"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, repo.Config("1"))
			t.Setenv("HOSTCTL_SNAPSHOT", "")
			c.damage(a)
			_, err := a.resolve(t, map[string]spec.Package{"dt-config": {}})
			expect(t, err, c.want...)
		})
	}
}

// a0Keyring is part of every test keyring's path.
const a0Keyring = "archive.gpg"

// A mirror that was sound before must not be trusted on the strength of that.
func TestResolveVerifiesAgain(t *testing.T) {
	a := newArchive(t, repo.Config("1"))
	want := map[string]spec.Package{"dt-config": {}}
	if _, err := a.resolve(t, want); err != nil {
		t.Fatal(err)
	}
	a.Replace(repo.Config("2"))
	a.SignWrongly()
	_, err := a.resolve(t, want)
	expect(t, err, "cannot verify", `input "debian"`)
}

func TestFetch(t *testing.T) {
	a := newArchive(t, repo.Standard("1")...)
	locked := a.lock(t, "dt-base", "dt-shape")
	for _, l := range locked {
		data, err := os.ReadFile(a.cache.Deb(l))
		if err != nil || spec.Sum(data) != l.SHA256 {
			t.Errorf("%s is not what the lock says: %v", l.Name, err)
		}
	}
	a.Replace(repo.Config("2"))
	if err := a.fetch(t, locked); err != nil {
		t.Errorf("the cache has everything, and yet: %v", err)
	}
	a.cache = apt.Cache{Dir: t.TempDir()}
	expect(t, a.fetch(t, locked), "cannot fetch 3 packages", "dt-base 1", "dt-config 1", "dt-shape 1", "hostctl update", "snapshot=", "HOSTCTL_CACHE")
}

func TestFetchRefusesWrongContent(t *testing.T) {
	a := newArchive(t, repo.Config("1"))
	locked, err := a.resolve(t, map[string]spec.Package{"dt-config": {}})
	if err != nil {
		t.Fatal(err)
	}
	a.Tamper("dt-config")
	expect(t, a.fetch(t, locked), "dt-config 1", "sha256", "nothing of it was kept")
	if _, err := os.Stat(a.cache.Deb(locked[0])); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tampered .deb is in the cache: %v", err)
	}
}

// The server breaks every answer off after some bytes, as long as it is asked
// from the start.
func TestFetchResumes(t *testing.T) {
	a := newArchive(t, repo.Config("1"))
	locked, err := a.resolve(t, map[string]spec.Package{"dt-config": {}})
	if err != nil {
		t.Fatal(err)
	}
	var ranges, whole atomic.Int32
	files := http.FileServer(http.Dir(a.Dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			whole.Add(1)
			data, err := os.ReadFile(filepath.Join(a.Dir, r.URL.Path))
			if err == nil {
				w.Write(data[:300]) //nolint:errcheck // the client sees it
			}
			return
		}
		ranges.Add(1)
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	t.Setenv("HOSTCTL_MIRROR", server.URL)
	var done, total int64
	err = a.cache.Fetch(t.Context(), []apt.Source{a.source}, locked, func(d, all int64) { done, total = d, all })
	if err != nil || ranges.Load() != 1 || whole.Load() != 1 {
		t.Errorf("%d requests from the start, %d to go on: %v", whole.Load(), ranges.Load(), err)
	}
	if done != total || total != locked[0].Size {
		t.Errorf("progress ended at %d of %d, the package has %d", done, total, locked[0].Size)
	}
	// A partial file of something else is not gone on with for ever.
	if err := os.Remove(a.cache.Deb(locked[0])); err != nil {
		t.Fatal(err)
	}
	apt.WriteTest(t, filepath.Join(a.cache.Dir, "partial", locked[0].SHA256), "something else")
	t.Setenv("HOSTCTL_MIRROR", a.Serve())
	if err := a.fetch(t, locked); err != nil {
		t.Error(err)
	}
}

// applier is a copy of a Debian 13 root, and the packages of both versions.
type applier struct {
	t    *testing.T
	root system.Root
	debs map[string]string // name_version to path in the root
}

func newApplier(t *testing.T) *applier {
	machine.Need(t) // it installs packages in a chroot
	var log bytes.Buffer
	base, err := machine.Base(t.Context(), &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	dir := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("cp", "-a", "--reflink=auto", base, dir).CombinedOutput(); err != nil {
		t.Fatalf("cannot copy the base root: %v\n%s", err, out)
	}
	p := &applier{t, system.Root(dir), map[string]string{}}
	for _, version := range []string{"1", "2"} {
		a := newArchive(t, repo.Standard(version)...)
		if err := os.CopyFS(filepath.Join(dir, "srv", version), os.DirFS(filepath.Join(a.Dir, "pool"))); err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(dir + "/srv/*/main/*/*/*.deb")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name, version, _ := apt.ParseDebName(path)
		p.debs[name+"="+version] = strings.TrimPrefix(path, dir)
	}
	return p
}

// apply installs names like dt-base=1 and removes those like dt-base-.
func (p *applier) apply(names ...string) error {
	p.t.Helper()
	var debs, remove []string
	for _, name := range names {
		if gone, ok := strings.CutSuffix(name, "-"); ok {
			remove = append(remove, gone)
		} else {
			debs = append(debs, p.debs[name])
		}
	}
	return apt.Apply(p.t.Context(), p.root, debs, remove, []string{"dt-config"}, io.Discard)
}

func (p *applier) must(names ...string) {
	p.t.Helper()
	if err := p.apply(names...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *applier) installed() map[string]spec.Installed {
	p.t.Helper()
	installed, err := apt.Installed(p.root)
	if err != nil {
		p.t.Fatal(err)
	}
	return installed
}

func (p *applier) read(path string) string {
	p.t.Helper()
	b, err := p.root.Read(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func TestApply(t *testing.T) {
	p := newApplier(t)
	// Neither the host's hooks nor its proxies and sources may take part.
	apt.WriteTest(t, p.root.Path("/etc/apt/apt.conf.d/99hook"), `DPkg::Pre-Invoke { "exit 9"; }; DPkg::Post-Invoke { "exit 9"; };`)

	p.must("dt-base=1", "dt-config=1", "dt-shape=1", "dt-linked=1", "dt-trigger=1")
	if got := p.installed(); got["dt-base"].Auto || !got["dt-config"].Auto {
		t.Errorf("marks: %v %v", got["dt-base"], got["dt-config"])
	}
	apt.WriteTest(t, p.root.Path("/etc/dt/config"), "edited by hand\n")
	p.must("dt-base=2", "dt-config=2", "dt-shape=2")
	if got := p.read("/etc/dt/config"); got != "edited by hand\n" {
		t.Errorf("an edited conffile was replaced: %q", got)
	}
	if got := p.read("/usr/share/dt/shape/a"); got != "2\n" {
		t.Errorf("folder -> file: %q", got)
	}
	if got := p.read("/var/lib/dt-trigger/log"); !strings.Contains(got, "/usr/share/dt/base") {
		t.Errorf("the trigger was not run: %q", got)
	}
	p.must("dt-base=1", "dt-shape=1", "dt-trigger-")
	if got := p.installed(); got["dt-base"].Version != "1" || got["dt-trigger"].Version != "" {
		t.Errorf("downgrade and removal at once: %v %v", got["dt-base"], got["dt-trigger"])
	}
	p.must("dt-left=1")
	p.must("dt-right=1", "dt-left-")
	p.must("dt-trigger-", "dt-left-") // gone already
}

func TestApplyRefuses(t *testing.T) {
	p := newApplier(t)
	p.must("dt-base=1", "dt-config=1", "dt-left=1")
	before := p.installed()
	expect(t, p.apply("dt-config-"), "also remove dt-base")
	if err := p.apply("dt-right=1"); err == nil {
		t.Error("a rival threw out a package that nobody named")
	}
	if got := p.installed(); !reflect.DeepEqual(got, before) {
		t.Errorf("a refused transaction changed something: %v", got)
	}
	expect(t, p.apply("dt-failing=2"), "dt-failing", "fails on purpose")
	expect(t, p.apply("dt-thief=1"), "dt-thief", "overwrite")
	expect(t, apt.Apply(t.Context(), p.root, []string{"/srv/x.deb"}, nil, nil, io.Discard), "/srv/x.deb", "NAME_VERSION_ARCH")
}

func TestLockLive(t *testing.T) {
	root := system.Root(t.TempDir())
	for _, path := range apt.LockPaths()[:3] { // no folder for the archives
		apt.WriteTest(t, root.Path(path), "")
	}
	unlock, err := apt.LockLive(t.Context(), root, time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Closing the file elsewhere drops a POSIX lock of the process, not this one.
	if f, err := os.Open(root.Path(apt.LockPaths()[0])); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	var holders []string
	_, err = apt.LockLive(t.Context(), root, time.Millisecond, func(h string) { holders = append(holders, h) })
	expect(t, err, "lock-frontend", "holds it")
	if len(holders) != 1 {
		t.Errorf("told of %q", holders)
	}
	unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if unlock, err = apt.LockLive(ctx, root, time.Second, nil); err != nil {
		t.Errorf("nobody holds it any more: %v", err)
	} else {
		unlock()
	}
}

// dpkg's locks are POSIX locks of another process: OFD locks must see them,
// and name the holder.
func TestLockLiveSeesOtherProcesses(t *testing.T) {
	apt.Need(t, "python3", "python3")
	root := system.Root(t.TempDir())
	path := root.Path(apt.LockPaths()[0])
	apt.WriteTest(t, path, "")
	cmd := exec.Command("python3", "-c", "import fcntl,sys\nf=open(sys.argv[1],'r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\nsys.stdin.read()", path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	var holder string
	unlock, err := apt.LockLive(t.Context(), root, time.Minute, func(h string) {
		holder = h
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil || !strings.Contains(holder, "python3") {
		t.Errorf("holder %q, error %v", holder, err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); !slices.Contains([]error{unix.EAGAIN, unix.EACCES}, err) {
		t.Errorf("dpkg would get the lock that hostctl holds: %v", err)
	}
	unlock()
	if err := errors.Join(f.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}
