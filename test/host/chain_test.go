package host

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// links is how many generations TestChain makes.
const links = 10

// chain takes a machine through generations that differ in a package or not,
// in files that come, change and go, and in an account.
func chain(t *testing.T) (*guest, []machine.Manifest) {
	t.Helper()
	g := boot(t, "testdata/small", "small")
	path := flakeInGuest + "/hosts/small/default.hcl"
	base := g.read(path) + "\nhostctl {\n  health_wait = 1\n  gc {\n    enable = true\n    keep = 2\n    older_than = \"0h\"\n  }\n}\n"
	manifests := []machine.Manifest{g.manifest()}
	for n := 1; n <= links; n++ {
		text := strings.Replace(base, "hello", fmt.Sprintf("hello %d", n), 1)
		text += fmt.Sprintf("file \"/etc/only-%d\" {\n  content = \"%d\\n\"\n}\n", n, n)
		text += fmt.Sprintf("file \"/etc/mode\" {\n  content = \"same\\n\"\n  mode = \"06%d0\"\n}\n", n%8)
		if n%3 == 0 {
			text = strings.Replace(text, `user "ann" {`, "group \"more\" {}\n\nuser \"ann\" {\n  groups = [\"more\"]", 1)
		}
		g.write(path, text, 0o644)
		g.lock(tiny(t, fmt.Sprintf("%d.0", 1+n/4)))
		g.want(0, nil, "switch", "--yes")
		manifests = append(manifests, g.manifest())
	}
	return g, manifests
}

// jump goes to a generation and compares the whole machine with it.
func (g *guest) jump(to int, was machine.Manifest) {
	g.t.Helper()
	g.want(0, nil, "rollback", "--to", strconv.Itoa(to), "--yes")
	g.same(fmt.Sprintf("generation %d", to), was, append(append(machine.Accounts(), g.state()...), bootRecovery())...)
}

// bootRecovery is what the first switch installs and no rollback removes.
func bootRecovery() machine.Exclusion {
	return machine.Exclusion{Path: "/etc/initramfs-tools", Why: "hostctl's recovery at boot: it belongs to no generation"}
}

// numbers are the generations that hostctl lists.
func (g *guest) numbers() []int {
	g.t.Helper()
	var list []struct{ Number int }
	r := g.want(0, nil, "generations", "list", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		g.t.Fatalf("%v\n%s", err, r)
	}
	var out []int
	for _, gen := range list {
		out = append(out, gen.Number)
	}
	return out
}

// Ten generations, jumps between them in any order, and again without some of
// them: each is what it was, to the last path.
func TestChain(t *testing.T) {
	t.Parallel()
	g, was := chain(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("random seed %d", seed)
	at := links
	hop := func() {
		left := slices.DeleteFunc(g.numbers(), func(n int) bool { return n == at })
		at = left[random.IntN(len(left))]
		g.jump(at, was[at])
	}
	for range 4 {
		hop()
	}
	if at != 5 {
		g.jump(5, was[5])
		at = 5
	}
	g.want(0, nil, "generations", "pin", "4", "--reason", "a test")
	g.want(0, []string{"pinned", "a test", "kB on /", "switch --yes"}, "generations", "show", "4")
	g.want(1, []string{"pinned (a test)", "the current one", "the one that this machine booted", "99"}, "generations", "delete", "4", "5", "0", "99", "--yes")
	before := g.numbers()
	g.want(0, []string{"generations 2, 3 and 7 would be deleted", "would be free on /"}, "generations", "delete", "2", "3", "7", "--dry-run")
	if now := g.numbers(); !slices.Equal(now, before) {
		t.Fatalf("a dry run left %v of %v", now, before)
	}
	g.want(0, []string{"generations 2, 3 and 7 deleted", "freed on /"}, "generations", "delete", "2", "3", "7", "--yes")
	g.same("deleting generations", was[5], append(machine.Accounts(), g.state()...)...)
	for range 2 {
		hop()
	}
	if at != 0 {
		g.jump(0, was[0])
	}
	g.jump(10, was[10])
	at = 10
	g.says("systemctl is-active hostctl-gc.timer", "active")
	said := g.sh("systemctl start hostctl-gc && journalctl -u hostctl-gc -o cat")
	if now := g.numbers(); !slices.Equal(now, []int{0, 4, 9, 10}) || !strings.Contains(said, "freed on /") {
		t.Fatalf("the timer's gc --keep 2 left %v\n%s", now, said)
	}
	g.says("ls /.hostctl/gen | wc -l", g.sh("cat /var/lib/hostctl/generations/*/changeset.json | grep -o 'gen/[0-9]*/' | sort -u | wc -l"))
	for _, to := range []int{0, 9, 4} {
		g.jump(to, was[to])
	}
	g.want(0, []string{"Nothing to delete."}, "gc", "--keep", "2", "--dry-run")
}
