package meter

import (
	"context"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
)

// How much memory the process may use while it evaluates, in bytes, as Go counts
// its memory from the kernel; the program itself takes 50 MB more.
const (
	// Garbage collection keeps memory below this, as long as what is in use
	// allows it.
	collectAt = 256 << 20
	// Too much is in use: evaluation is asked to end.
	tooMuch = 320 << 20
	// Evaluation did not end soon enough.
	farTooMuch = 384 << 20
	// What a command uses before it evaluates. Anything more, such as package lists,
	// is not evaluation's.
	usual = 64 << 20
)

const (
	watchEvery = 2 * time.Millisecond // less than it takes to fill the space between these
	// A function call cannot be interrupted. This is how long a call may take that
	// is running at the deadline.
	grace = 2 * time.Second
	// After Ctrl-C, the prompt is back within a second.
	graceInterrupted = 700 * time.Millisecond
)

// watch ends the evaluations of one context that take too long or too much
// memory.
type watch struct {
	timeout time.Duration
	begun   time.Time
	others  uint64                 // memory that was in use before, above the usual
	over    atomic.Pointer[excess] // why evaluation must end; nil while it may go on
	waiting atomic.Int64           // how many inputs are being fetched: network time does not count

	mu      sync.Mutex
	waited  time.Duration
	running []*Meter
}

// excess says what an evaluation did too much of.
type excess struct {
	summary, what, advice string
	at                    *hcl.Range // where evaluation was; nil: in no host yet
}

func (x *excess) detail() string { return strings.TrimSpace("Evaluation " + x.what + ". " + x.advice) }

type watchKey struct{}

// Bounded is a context whose evaluations end, with an error that says where they
// were, after timeout, when they take hundreds of megabytes, or when ctx ends. If
// one goes on anyway, stop is called once, in a goroutine of its own, and must end
// the process. The caller calls end when all evaluation is done.
func Bounded(ctx context.Context, timeout time.Duration, stop func(error)) (bounded context.Context, end func()) {
	w := &watch{timeout: timeout, begun: time.Now()}
	if inUse() > usual {
		debug.FreeOSMemory()
		w.others = max(inUse(), usual) - usual
	}
	before := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(before, int64(collectAt+w.others))) //nolint:gosec // no machine has so much
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { w.look(ctx, done, stop) })
	return context.WithValue(ctx, watchKey{}, w), sync.OnceFunc(func() {
		close(done)
		watching.Wait()
		debug.SetMemoryLimit(before)
	})
}

// Interruptible is a context whose evaluations end soon after ctx does, and say
// so.
func Interruptible(ctx context.Context) context.Context {
	w := &watch{}
	context.AfterFunc(ctx, func() { w.ask(&excess{summary: "Interrupted", what: "was interrupted"}) })
	return context.WithValue(ctx, watchKey{}, w)
}

// Waiting lets fetch take its time: the timeout of ctx counts only evaluation.
func Waiting(ctx context.Context, fetch func()) { watchOf(ctx).wait(fetch) }

// Ended says why the evaluations of ctx must end; "" if they may go on.
func Ended(ctx context.Context) string {
	over := watchOf(ctx).excess()
	if over == nil {
		return ""
	}
	return over.detail()
}

// watchOf is the watch of a context, or nil.
func watchOf(ctx context.Context) *watch {
	w, _ := ctx.Value(watchKey{}).(*watch)
	return w
}

func (w *watch) look(ctx context.Context, done <-chan struct{}, stop func(error)) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var asked time.Time
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		hard := w.judge(ctx)
		over := w.over.Load()
		switch {
		case over == nil:
			continue
		case asked.IsZero():
			asked = time.Now()
		}
		patience := grace
		if ctx.Err() != nil {
			patience = graceInterrupted
		}
		if hard || time.Since(asked) > patience {
			stop(w.gaveUp(over))
			return
		}
	}
}

// judge records what is too much, and reports whether the process must end now.
func (w *watch) judge(ctx context.Context) bool {
	size := inUse()
	size -= min(size, w.others)
	switch {
	case w.over.Load() != nil:
	case size > tooMuch:
		w.ask(&excess{summary: "Too much memory", what: fmt.Sprintf("takes more than %d MB of memory, its limit", tooMuch>>20)})
	case ctx.Err() != nil:
		w.ask(&excess{summary: "Interrupted", what: "was interrupted"})
	case w.waiting.Load() == 0 && time.Since(w.begun)-w.rested() > w.timeout:
		w.ask(&excess{
			summary: "Deadline exceeded", what: fmt.Sprintf("takes longer than %s, its deadline", w.timeout),
			advice: "If that is not a mistake, --eval-timeout gives it more time.",
		})
	}
	return size > farTooMuch
}

func (w *watch) ask(x *excess) {
	x.at = w.place()
	w.over.CompareAndSwap(nil, x)
}

// place is where the evaluation is that has run longest.
func (w *watch) place() *hcl.Range {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.running) == 0 {
		return nil
	}
	return w.running[0].place()
}

// inUse is the memory that Go has from the kernel, in bytes.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// gaveUp is the error of an evaluation that did not end when asked to.
func (w *watch) gaveUp(over *excess) error {
	where := "reading the files of the flake"
	if at := w.place(); at != nil {
		where = "at " + option.At(*at)
	}
	return fmt.Errorf("cannot evaluate the configuration, %s: it %s. The machine is as it was. %s", where, over.what, over.advice)
}

// enter records that the evaluation of m runs, until leave.
func (w *watch) enter(m *Meter) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = append(w.running, m)
}

func (w *watch) leave(m *Meter) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = slices.DeleteFunc(w.running, func(r *Meter) bool { return r == m })
}

// excess says why evaluation must end, or is nil.
func (w *watch) excess() *excess {
	if w == nil {
		return nil
	}
	return w.over.Load()
}

// wait lets fetch take its time.
func (w *watch) wait(fetch func()) {
	if w == nil {
		fetch()
		return
	}
	began := time.Now()
	w.waiting.Add(1)
	defer func() {
		w.mu.Lock()
		w.waited += time.Since(began)
		w.mu.Unlock()
		w.waiting.Add(-1)
	}()
	fetch()
}

func (w *watch) rested() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waited
}

// diagnostic is the excess as an error in the configuration; noticed is where
// evaluation stops.
func (x *excess) diagnostic(noticed *hcl.Range) *hcl.Diagnostic {
	at := x.at
	if at == nil {
		at = noticed
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: x.summary, Subject: at, Detail: x.detail()}
}
