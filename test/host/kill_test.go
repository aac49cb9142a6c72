package host

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// kills is how often TestKilledSwitch kills a switch, and of make test-packages.
const kills, manyKills = 9, 20

// phase is a part of a switch, found by its messages. Random moments of the whole
// switch would nearly all be in its longest part.
type phase int

const (
	staging    phase = iota // from the start
	committing              // from the line that says so
	activating              // from the line after that
	phases
)

func (p phase) String() string { return [...]string{"staging", "committing", "activating"}[p] }

// A switch that is killed at any moment leaves, after recovery, the old
// generation or the new one: every path of the machine, and what runs.
func TestKilledSwitch(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/small", "small")
	g.write(flakeInGuest+"/hosts/small/default.hcl", g.read(flakeInGuest+"/hosts/small/default.hcl")+"\nhostctl {\n  health_wait = 1\n}\n", 0o644)
	g.lock(bulky(t, "1.0"))
	g.want(0, nil, "switch", "--yes")
	old := g.manifest()
	g.edit("hosts/small/default.hcl", "hello", "good day")
	g.edit("hosts/small/default.hcl", "generation one", "generation two")
	g.lock(bulky(t, "2.0"))

	whole := g.switchKilled(staging, time.Hour)
	if whole.killed {
		t.Fatal("the undisturbed switch was killed")
	}
	fresh := g.manifest()
	g.want(0, nil, "rollback", "--yes")
	g.same("rollback before any kill", old, machine.Accounts()...)

	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("an undisturbed switch: %s; random seed %d", whole, seed)
	outcomes := map[string]int{}
	n := kills
	if os.Getenv("HOSTCTL_TEST_PACKAGES") == "all" {
		n = manyKills
	}
	for i := range n {
		p := phase(i) % phases
		k := g.switchKilled(p, time.Duration(random.Int64N(int64(whole.length[p]))))
		r := g.want(0, nil, "recover")
		outcome := g.generationOf(old, fresh)
		outcomes[outcome]++
		said, _, _ := strings.Cut(r.stderr, "\n")
		t.Logf("%2d: %s: %s generation; recover: %s", i+1, k, outcome, said)
		if outcome == "third" {
			return
		}
		if outcome == "new" {
			g.want(0, nil, "rollback", "--yes")
			g.same("rollback after a kill", old, machine.Accounts()...)
		}
	}
	t.Logf("%d interruptions, %d third states (%d old, %d new)", n, outcomes["third"], outcomes["old"], outcomes["new"])
}

// bulky is the package tiny with enough files that replacing them takes time.
func bulky(t *testing.T, version string) spec.Locked {
	t.Helper()
	p := tinyPackage(version)
	for i := range 1500 {
		p.Files[fmt.Sprintf("/usr/share/tiny/data/%02d/%d", i%40, i)] = fmt.Sprintf("%d of %s\n", i, version)
	}
	return debs(t, p)[0]
}

// generationOf says which generation the machine is in, by its whole root and by
// what runs.
func (g *guest) generationOf(old, fresh machine.Manifest) string {
	g.t.Helper()
	now := g.manifest()
	exclusions := append(machine.Running(), machine.Accounts()...)
	exclusions = append(exclusions, machine.Exclusion{Path: flakeInGuest, Why: "the test edits the flake"})
	toOld := machine.Diff(old, now, exclusions)
	toNew := machine.Diff(fresh, now, append(exclusions, machine.Exclusion{Path: "/*", Time: true, Why: "each run stages anew, and what it makes has the time of that run"}))
	g.says("dpkg --audit", "")
	g.says("cd /.hostctl && ls -d journal tx ballast stage 2>/dev/null || true", "")
	switch {
	case len(toOld) == 0:
		g.until("the old generation runs", "systemctl is-active -q tiny-web && grep -qx 'greeting = hello' /run/tiny-web")
		return "old"
	case len(toNew) == 0:
		g.until("the new generation runs", "systemctl is-active -q tiny-web && grep -qx 'greeting = good day' /run/tiny-web")
		return "new"
	}
	g.t.Errorf("a third state:\nagainst the old generation\n  %s\nagainst the new one\n  %s",
		strings.Join(toOld[:min(20, len(toOld))], "\n  "), strings.Join(toNew[:min(20, len(toNew))], "\n  "))
	return "third"
}

// killedRun is one switch, perhaps killed.
type killedRun struct {
	length [phases]time.Duration // how long it was in each
	last   phase                 // that it reached
	killed bool
}

func (k killedRun) String() string {
	if !k.killed {
		return fmt.Sprintf("ended by itself (%v)", k.length)
	}
	return fmt.Sprintf("killed after %s of %s", k.length[k.last].Round(time.Millisecond), k.last)
}

// switchKilled runs a switch and kills it with SIGKILL when it has been in a
// phase for that long.
func (g *guest) switchKilled(in phase, after time.Duration) killedRun {
	g.t.Helper()
	cmd := g.Command(g.t.Context(), "hostctl", "switch", "--yes", "--flake", flakeInGuest, "--host", g.host)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lines <- s.Text()
		}
	}()
	var k killedRun
	var kill <-chan time.Time
	begun, said := time.Now(), ""
	enter := func(p phase) {
		k.length[k.last] = time.Since(begun)
		k.last, begun = p, time.Now()
		if p == in {
			kill = time.After(after)
		}
	}
	enter(staging)
	for {
		select {
		case line, ok := <-lines:
			switch {
			case !ok:
				k.length[k.last] = time.Since(begun)
				if err := cmd.Wait(); err != nil && !k.killed {
					g.t.Fatalf("the switch failed by itself: %v\n%s", err, said)
				}
				return k
			case strings.HasPrefix(line, "committing"):
				enter(committing)
			case k.last == committing:
				enter(activating)
			}
			said += line + "\n"
		case <-kill:
			k.killed = g.killRun()
			kill = nil
		}
	}
}

// killRun kills the hostctl that holds the lock: the service that does the work or,
// during planning, the command that was typed. If that one starts a service between
// the look and the kill, the service dies too.
func (g *guest) killRun() bool {
	var holder struct{ PID int }
	b, err := os.ReadFile(filepath.Join(g.Root, "var/lib/hostctl/lock"))
	if err != nil || json.Unmarshal(b, &holder) != nil {
		return false
	}
	if _, err = g.Output(g.t.Context(), "kill", "-9", strconv.Itoa(holder.PID)); err != nil {
		return false
	}
	g.until("the service is gone", `! grep -qsx systemd-run /proc/[0-9]*/comm || exit 1
		systemctl kill --kill-whom=main --signal=KILL hostctl-run.service 2>/dev/null
		case $(systemctl show --property=ActiveState --value hostctl-run.service) in inactive | failed) ;; *) exit 1 ;; esac`)
	return true
}
