package host

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// kills is how often TestKilledSwitch kills a switch.
const kills = 20

// A switch that is killed at any moment leaves, after recovery, the old
// generation or the new one. Half of the moments are spread over the whole
// run, which is mostly staging; the other half over what follows the word
// "committing".
func TestKilledSwitch(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	old := g.manifest()
	g.edit("hosts/small/default.hcl", "hello", "good day")
	g.edit("hosts/small/default.hcl", "generation one", "generation two")
	g.lock(tiny(t, "2.0"))

	whole := g.killedSwitch(time.Hour, time.Hour)
	if whole.killed {
		t.Fatal("the undisturbed switch was killed")
	}
	fresh := g.manifest()
	g.want(0, nil, "rollback", "--yes")
	g.same("rollback before any kill", old, machine.Accounts()...)

	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("random seed %d; an undisturbed switch says committing after %s and ends after %s", seed, whole.committing, whole.ended)
	outcomes := map[string]int{}
	for i := range kills {
		start, commit := time.Duration(random.Int64N(int64(whole.ended))), time.Hour
		if i%2 == 1 {
			start, commit = time.Hour, time.Duration(random.Int64N(int64(whole.ended-whole.committing)))
		}
		k := g.killedSwitch(start, commit)
		r := g.want(0, nil, "recover")
		outcome := g.generationOf(old, fresh)
		outcomes[outcome]++
		t.Logf("%2d: %s: %s generation; recover says: %s", i+1, k, outcome, strings.TrimSpace(r.stderr))
		if outcome == "third" {
			return
		}
		if outcome == "new" {
			g.want(0, nil, "rollback", "--yes")
			g.same("rollback after a kill", old, machine.Accounts()...)
		}
	}
	t.Logf("%d kills: %v", kills, outcomes)
}

// generationOf tells which generation the machine is in, by its whole root
// and by what runs and is configured.
func (g *guest) generationOf(old, fresh machine.Manifest) string {
	g.t.Helper()
	now := g.manifest()
	exclusions := append(machine.Running(), machine.Accounts()...)
	exclusions = append(exclusions, machine.Exclusion{Path: flakeInGuest, Why: "the test edits the flake"})
	toOld := machine.Diff(old, now, exclusions)
	toNew := machine.Diff(fresh, now, append(exclusions, machine.Exclusion{Path: "/*", Time: true, Why: "each run stages anew, and what it makes has the time of that run"}))
	g.says("dpkg --audit", "")
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
	committing, ended time.Duration // since its start; committing is 0 if it never said so
	killed            bool
}

func (k killedRun) String() string {
	switch {
	case !k.killed:
		return fmt.Sprintf("ended by itself after %s", k.ended.Round(time.Millisecond))
	case k.committing == 0:
		return fmt.Sprintf("killed after %s, before commit", k.ended.Round(time.Millisecond))
	}
	return fmt.Sprintf("killed %s after it said committing", (k.ended - k.committing).Round(time.Millisecond))
}

// killedSwitch runs a switch and kills it with SIGKILL at a time after its
// start, or after it says that it commits, whichever comes first.
func (g *guest) killedSwitch(afterStart, afterCommit time.Duration) killedRun {
	g.t.Helper()
	cmd := g.Command(g.t.Context(), "hostctl", "switch", "--yes", "--flake", flakeInGuest, "--host", g.host)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	committing, over := make(chan time.Time, 1), make(chan string, 1)
	go func() {
		said := ""
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "committing") {
				committing <- time.Now()
			}
			said += lines.Text() + "\n"
		}
		over <- said
	}()
	var k killedRun
	kill := time.After(afterStart)
	for {
		select {
		case at := <-committing:
			k.committing = at.Sub(start)
			if afterCommit < time.Hour {
				kill = time.After(afterCommit)
			}
		case <-kill:
			k.killed = killHostctl(cmd.Process.Pid)
			kill = nil
		case said := <-over:
			err := cmd.Wait()
			k.ended = time.Since(start)
			if err != nil && !k.killed {
				g.t.Fatalf("the switch failed by itself: %v\n%s", err, said)
			}
			return k
		}
	}
}

// killHostctl kills the hostctl that nsenter, the process pid, has started.
func killHostctl(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return false
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return err == nil && syscall.Kill(child, syscall.SIGKILL) == nil
}
