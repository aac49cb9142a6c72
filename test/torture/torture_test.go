//go:build amd64

package torture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/test/repo"
)

// way is a change of generation.
type way struct{ from, to int }

// ways go forward and back, over one edge and over three.
func ways() []way { return []way{{3, 2}, {2, 3}, {3, 0}, {0, 3}} }

// point is one interruption: what happens at which call of which way.
type point struct {
	way
	job traceJob
	// again kills the recovery as well, at that call.
	again int
	// disk is what the interruption is done to, where it is one's.
	disk *disk
}

func (p point) String() string {
	s := fmt.Sprintf("%d to %d, %s at call %d", p.from, p.to, p.job.Do, p.job.At)
	if p.disk != nil {
		s = fmt.Sprintf("%d to %d, /%s (%s): %s at call %d", p.from, p.to, p.disk.name, p.disk.kind, p.job.Run, p.job.At)
	}
	if p.job.Sticky {
		s += " and after it"
	}
	if p.again > 0 {
		s += fmt.Sprintf(", recovery killed at call %d", p.again)
	}
	return s
}

// kinds are what is done at a call of each way. Each kind is done at every
// call, or at as many as there is time for.
func kinds(h *host, calls map[way]map[string]int, random *rand.Rand) [][]point {
	var kinds [][]point
	add := func(do, which string, sticky bool, disk *disk, run string) {
		var all []point
		for _, w := range ways() {
			for at := 1; at <= calls[w][which]; at++ {
				all = append(all, point{way: w, job: traceJob{Calls: which, At: at, Do: do, Sticky: sticky, Run: run}, disk: disk})
			}
		}
		kinds = append(kinds, all)
	}
	add("kill", "all", false, nil, "")
	for _, errno := range []string{"ENOSPC", "EIO"} {
		add(errno, "allocate", false, nil, "")
		add(errno, "allocate", true, nil, "")
	}
	for i := range h.disks {
		d := &h.disks[i]
		if d.name != "var" { // where dpkg's lock is open for writing all the time
			add("run", "all", false, d, "mount -o remount,ro "+d.at)
		}
		add("run", "all", false, d, "head -c 1G /dev/zero > "+d.filler()+" 2>/dev/null || true")
		if d.kind == "ext4" {
			add("lose", "all", false, d, "head -c 1G /dev/zero > "+d.memory+"/filler 2>/dev/null || true")
		}
	}
	// A recovery that is killed itself.
	var twice []point
	for _, p := range kinds[0] {
		p.again = 1 + random.IntN(40)
		twice = append(twice, p)
	}
	if *kindFlag != "" {
		return slices.DeleteFunc(kinds, func(k []point) bool { return k[0].job.Do != *kindFlag })
	}
	return append(kinds, twice)
}

// hosts is how many machines are tortured at once, each with its share.
const hosts = 2

// TestInterruptions is the suite: what was asked for with -n, spread evenly
// over the kinds, and over the calls of each.
func TestInterruptions(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	disks := disksOf(seed)
	t.Logf("file systems of their own: %s", disks)
	var outcomes [hosts]map[string]int
	t.Run("host", func(t *testing.T) {
		for i := range hosts {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				outcomes[i] = tortured(t, disks, rand.New(rand.NewPCG(seed, uint64(i))), i)
			})
		}
	})
	sum := map[string]int{}
	for _, o := range outcomes {
		for outcome, n := range o {
			sum[outcome] += n
		}
	}
	t.Logf("%d interruptions, %d third states (%d old, %d new)", sum["old"]+sum["new"]+sum["third"], sum["third"], sum["old"], sum["new"])
}

// tortured makes a machine, interrupts it as often as its share is, and counts
// the outcomes.
func tortured(t *testing.T, disks string, random *rand.Rand, share int) map[string]int {
	h := newHost(t, disks)
	outcomes := map[string]int{}
	for _, p := range h.inOrder(chosen(kinds(h, h.count(), random), random, share)) {
		outcome := h.interrupt(p)
		outcomes[outcome]++
		if outcome == "third" {
			return outcomes // nothing can be said about the host any more
		}
	}
	h.tooFull()
	return outcomes
}

// chosen are the points that one of the hosts is interrupted at.
func chosen(all [][]point, random *rand.Rand, share int) []point {
	var out []point
	for i, kind := range all {
		if *interruptions == 0 {
			for k := share; k < len(kind); k += hosts {
				out = append(out, kind[k])
			}
			continue
		}
		n := min(len(kind), ((*interruptions+share)/hosts+i)/len(all))
		// Evenly, from a random first one on: every call has the same chance.
		first := random.Float64()
		for k := range n {
			out = append(out, kind[int((float64(k)+first)/float64(n)*float64(len(kind)))])
		}
	}
	return out
}

// count runs every way once, undisturbed, and counts its calls.
func (h *host) count() map[way]map[string]int {
	h.t.Helper()
	out := map[way]map[string]int{}
	for _, w := range ways() {
		out[w] = map[string]int{}
		for _, which := range []string{"all", "allocate"} {
			h.to(w.from)
			r := trace(h.t, h.job(w, traceJob{Calls: which}))
			if r.Code != 0 {
				h.t.Fatalf("undisturbed: %s", r.Out)
			}
			out[w][which] = r.Calls
			if !h.settle(w.to, w.to, fmt.Sprint(w)) {
				h.t.FailNow()
			}
		}
		h.t.Logf("%d to %d: %d calls that change something, %d of them can find no room", w.from, w.to, out[w]["all"], out[w]["allocate"])
	}
	return out
}

func (h *host) job(w way, job traceJob) traceJob {
	job.Below = h.root
	job.Args = h.args("rollback", "--to", strconv.Itoa(w.to), "--yes")
	return job
}

// inOrder gives the points in an order that needs few undisturbed runs in
// between: mostly an interruption leaves the host where it was.
func (h *host) inOrder(points []point) []point {
	var out []point
	for _, w := range ways() {
		for _, p := range points {
			if p.way == w {
				out = append(out, p)
			}
		}
	}
	return out
}

// interrupt does what a point says, recovers, and says in which generation the host
// is then.
func (h *host) interrupt(p point) string {
	h.t.Helper()
	h.to(p.from)
	if p.job.Do == "lose" {
		h.sh("fstrim $1", p.disk.at) // free the memory of what was deleted there
	}
	r := trace(h.t, h.job(p.way, p.job))
	what := fmt.Sprintf("%s (%s)", p, r.Hit)
	switch p.job.Do {
	case "run":
		h.sh("mount -o remount,rw $1; rm -f $2", p.disk.at, p.disk.filler())
	case "lose":
		h.replug(*p.disk)
	}
	if p.again > 0 {
		trace(h.t, traceJob{Below: h.root, Calls: "all", At: p.again, Do: "kill", Args: h.args("recover")})
	}
	said := h.want(0, "recover")
	if !h.settle(p.from, p.to, what) {
		h.t.Logf("it had said, with code %d:\n%s\nrecover:\n%s", r.Code, r.Out, said)
		return "third"
	}
	h.truth(p, r, what)
	if h.now == p.to {
		return "new"
	}
	return "old"
}

// replug removes the disk that could not write, with everything that the kernel had
// not written, and mounts it again when it can.
func (h *host) replug(d disk) {
	h.t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(d.at, &st); err != nil {
		h.t.Fatal(err)
	}
	h.sh("umount $1; rm -f $2/filler; e2fsck -fp $3 || [ $? = 1 ]; "+attach("$3", "$1"), d.at, d.memory, d.image())
	digests.Range(func(key, _ any) bool {
		if key.([3]uint64)[0] == st.Dev {
			digests.Delete(key) // an inode that is as before can have lost its bytes
		}
		return true
	})
}

// truth compares what a finished run said with what is.
func (h *host) truth(p point, r traced, what string) {
	h.t.Helper()
	if p.job.Do == "kill" || p.again > 0 {
		return
	}
	done := r.Code == 0
	unchanged := strings.Contains(r.Out, "the machine is as it was") || strings.Contains(r.Out, "nothing on this machine was changed")
	if done && h.now != p.to || unchanged && h.now != p.from {
		h.t.Errorf("%s: the host is at generation %d, and it was said, with code %d:\n%s", what, h.now, r.Code, r.Out)
	}
}

// tooFull: what does not fit is refused with numbers, before anything happens.
func (h *host) tooFull() {
	h.t.Helper()
	refused := func(what string, args []string, says ...string) {
		h.t.Helper()
		out := h.want(1, args...)
		for _, text := range says {
			if !strings.Contains(out, text) {
				h.t.Errorf("%s: it does not say %q:\n%s", what, text, out)
			}
		}
		h.settle(3, 3, what)
	}
	h.to(3)
	h.putFlake(4, repo.Package{Name: "dt-big", Version: "1", Fields: map[string]string{"Installed-Size": "400000"}, Files: map[string]string{"/opt/dt/big": "not that big\n"}, Scripts: map[string]string{"md5sums": "a2c5b2a5fe79d5e6c1f15a1a7b4d1c1e  opt/dt/big\n"}})
	refused("a package larger than /opt", []string{"switch", "--yes", "--flake", h.flake, "--host", "tortured"},
		"the file system of /opt is too full", "390.", "are needed there", "nothing on this machine was changed")
	h.sh("mkdir -p $1/opt/.hostctl/gen/full && head -c 1G /dev/zero > $1/opt/.hostctl/gen/full/filler 2>/dev/null || true", h.root)
	refused("a rollback on a full /opt", []string{"rollback", "--to", "2", "--yes"},
		"the file system of /opt is too full", "the machine is as it was", "hostctl gc")
	h.sh("rm -r $1/opt/.hostctl/gen/full", h.root)
	h.to(2)
}
