package generation

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/account"
)

// line makes five generations in a row, of which 3 is current. Each changes
// one file and the mode of another; slots hold what is not live.
func line(t *testing.T) Store {
	t.Helper()
	s := forest(t, -1, 0, 1, 2, 3)
	id, err := node.FSID(s.Root)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		r, err := s.Load(n)
		if err != nil {
			t.Fatal(err)
		}
		slot := filepath.Join("gen", strconv.Itoa(n), "0", "1")
		of := func(mode uint32) *node.Node { return &node.Node{Attr: node.Attr{Mode: 0o100000 | mode}} }
		r.Changeset.Mounts = []changeset.Mount{{Point: "/", FSID: id}}
		r.Changeset.Entries = []changeset.Entry{
			{Path: "/f", Class: node.Program, Slot: slot, Before: of(0o640), After: of(0o644)},
			{Path: "/only" + strconv.Itoa(n), Class: node.State, After: of(0o600)},
		}
		if n%2 == 0 {
			r.Changeset.Entries[0].Slot = ""
		}
		if err := s.Write(r, Path(n)); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			continue
		}
		at := filepath.Join(s.Root, node.AreaName, slot)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(slot), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s Store) tree(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", "cd "+s.Root+" && find . -type f ! -name tombs.json ! -name deleted -printf '%p %m ' -exec cat {} \\; -printf '\\n' | sort").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const pruneIn = "HOSTCTL_TEST_PRUNE"

// TestPruneIn is no test: TestKilledPrune runs it as a process to kill.
func TestPruneIn(t *testing.T) {
	root := os.Getenv(pruneIn)
	if root == "" {
		t.Skip("TestKilledPrune starts it")
	}
	runtime.LockOSThread() // strace counts the calls of each thread apart
	s := Store{Root: root}
	p, forks, err := s.PlanPrune(3, []int{2})
	if err != nil || len(forks) > 0 {
		t.Fatal(forks, err)
	}
	if err := s.Prune(p); err != nil {
		t.Fatal(err)
	}
}

// A run that is killed at any of its system calls that change something, and
// then the next run, leave all generations or those that were to stay.
func TestKilledPrune(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("it wants strace")
	}
	s := line(t)
	old := s.tree(t)
	whole := copied(t, s)
	if out, err := prune(whole, 0); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pruned := whole.tree(t)
	if numbers, err := whole.Numbers(); err != nil || !slices.Equal(numbers, []int{0, 1, 3, 4}) {
		t.Fatalf("%v are left, %v", numbers, err)
	}
	seen := map[string]int{}
	for k := 1; ; k++ {
		c := copied(t, s)
		out, err := prune(c, k)
		if err := errors.Join(c.FinishPrune(), c.DiscardPending()); err != nil {
			t.Fatalf("killed at call %d: %v", k, err)
		}
		now := c.tree(t)
		switch now {
		case old:
			seen["old"]++
		case pruned:
			seen["new"]++
		default:
			t.Fatalf("killed at call %d: a third state\n%s\nafter\n%s", k, now, out)
		}
		if err == nil {
			break
		}
	}
	if seen["old"] < 5 || seen["new"] < 5 {
		t.Errorf("killed too rarely on one side: %v", seen)
	}
	t.Log(seen)
}

func copied(t *testing.T, s Store) Store {
	t.Helper()
	c := Store{Root: t.TempDir()}
	if out, err := exec.Command("cp", "-a", s.Root+"/.", c.Root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}

// prune runs TestPruneIn, killed at the k-th call if k is not 0.
func prune(s Store, k int) (string, error) {
	args := []string{"-f", "-qq", "-o", "/dev/null"}
	if k > 0 {
		args = append(args, "-e", "inject=renameat,renameat2,rename,unlinkat,mkdirat,fchmod,fchmodat,fsync:signal=KILL:when="+strconv.Itoa(k))
	}
	cmd := exec.Command("strace", append(args, "/proc/self/exe", "-test.run", "^TestPruneIn$")...)
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd.Args[slices.Index(cmd.Args, "/proc/self/exe")] = exe
	cmd.Env = append(os.Environ(), pruneIn+"="+s.Root)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A number means one generation for ever, also when the newest is deleted.
func TestNumbersAreNotGivenAgain(t *testing.T) {
	s := forest(t, -1, 0, 1, 2)
	for _, c := range []struct {
		current int
		gone    []int
	}{{1, []int{3, 2}}, {1, []int{0}}} {
		p, forks, err := s.PlanPrune(c.current, c.gone)
		if err != nil || len(forks) > 0 {
			t.Fatal(forks, err)
		}
		if err := s.Prune(p); err != nil {
			t.Fatal(err)
		}
		if next, err := s.Next(); err != nil || next != 4 {
			t.Errorf("without %v the next generation is %d, %v", c.gone, next, err)
		}
	}
}

func TestPruneKeepsForksAndCurrent(t *testing.T) {
	s := forest(t, -1, 0, 1, 1, 3, 3)
	p, forks, err := s.PlanPrune(5, []int{0, 1, 3, 5})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Gone, []int{0}) || len(forks) != 3 || forks[0].Number != 1 || !slices.Equal(forks[0].Children, []int{2, 3}) {
		t.Errorf("gone %v, forks %v", p.Gone, forks)
	}
	if !strings.Contains(forks[0].Error(), "2 and 3") {
		t.Error(forks[0])
	}
	// With one branch the fork is none.
	if p, forks, err = s.PlanPrune(5, []int{1, 2, 3, 4}); err != nil || len(forks) > 0 || len(p.Gone) != 4 {
		t.Errorf("gone %v, forks %v, %v", p.Gone, forks, err)
	}
	if p.left[5].Meta.Parent != 0 {
		t.Errorf("5 has the parent %d", p.left[5].Meta.Parent)
	}
}

// What a deleted generation did to accounts stays on the way and in memory.
func TestPruneKeepsAccounts(t *testing.T) {
	s := forest(t, -1, 0, 1, 2)
	for n, name := range []string{"", "ann", "bob", "eve"} {
		r, err := s.Load(n)
		if err != nil {
			t.Fatal(err)
		}
		if name != "" {
			id := strconv.Itoa(1000 + n)
			r.Accounts = []account.Delta{account.Diff(account.Files{}, account.Files{account.Passwd: []byte(name + ":x:" + id + ":" + id + "::/:/bin/sh\n")})}
		}
		if err := s.Write(r, Path(n)); err != nil {
			t.Fatal(err)
		}
	}
	p, _, err := s.PlanPrune(3, []int{1, 0})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prune(p); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{2: 0, 3: 1} {
		if d, err := s.Accounts(n); err != nil || len(d) != want {
			t.Errorf("generation %d has %d account changes, %v", n, len(d), err)
		}
	}
	tombs, err := s.Tombs()
	if err != nil || tombs.Users["ann"] != 1001 || tombs.Users["bob"] != 1002 {
		t.Errorf("tombs %v, %v", tombs, err)
	}
	if adopted, err := s.Adopted(); err != nil || len(adopted) != 1 {
		t.Errorf("adopted %v, %v", adopted, err)
	}
}

func TestGarbage(t *testing.T) {
	s := line(t)
	write := func(path string) {
		t.Helper()
		at := filepath.Join(s.Root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, make([]byte, 10_000), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	area := "/" + node.AreaName
	for _, path := range []string{area + "/gen/9/1", area + "/gen/1/lost", area + "/gen/1/0/lost", area + "/gen/1/8/lost", area + "/aside/1-x/etc/a", area + "/aside/3-x/etc/a", Dir + "/objects/lost"} {
		write(path)
	}
	for _, n := range []int{1, 3} { // which change a file on a mount that is changed by copies
		r, err := s.Load(n)
		if err != nil {
			t.Fatal(err)
		}
		side := func(name string) *node.Node {
			slot := filepath.Join("gen", strconv.Itoa(n), name)
			write(area + "/" + slot)
			return &node.Node{Attr: node.Attr{Mode: 0o100644}, Sum: slot, Copy: slot}
		}
		r.Changeset.Mounts = append(r.Changeset.Mounts, changeset.Mount{Point: "/boot", FSID: "volume:1", Copies: true})
		r.Changeset.Entries = append(r.Changeset.Entries, changeset.Entry{Path: "/boot/f", FS: 1, Class: node.Program, Before: side("before"), After: side("after")})
		if err := s.Write(r, Path(n)); err != nil {
			t.Fatal(err)
		}
		if size, err := s.Size(r, []string{"/", "/boot"}); err != nil || size["/"] < 20_000 {
			t.Errorf("generation %d takes %v, %v", n, size, err)
		}
	}
	p, _, err := s.PlanPrune(3, []int{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Garbage(p, []string{"/"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range g.Paths {
		got = append(got, strings.TrimPrefix(path, s.Root))
	}
	// Slot 1 of generation 1 holds what stood before the edge that 1 to 3 become.
	want := []string{area + "/aside/1-x", area + "/gen/1/0/lost", area + "/gen/1/8", area + "/gen/1/after", area + "/gen/1/lost", area + "/gen/3/0", area + "/gen/3/before", area + "/gen/9", Dir + "/objects/lost"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("garbage is\n  %s\nwanted\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if g.Bytes["/"] < 40_000 {
		t.Errorf("%d bytes are freed", g.Bytes["/"])
	}
}
