package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// at tells whoever waits what the run is at: on this terminal, or through the
// command that follows a service.
func (e *env) at(s engine.Step) {
	if e.tell == nil {
		e.display = e.newDisplay()
		e.tell = e.display.show
	}
	e.tell(s)
}

// still ends the display of steps: what is printed from here on has the terminal
// to itself.
func (e *env) still() {
	if e.tell != nil {
		e.tell(engine.Step{}) // so that whoever follows a service does the same
	}
	e.display.end()
	e.display, e.tell = nil, func(engine.Step) {}
}

// display shows the step of a run: as a bar on a terminal, elsewhere as a line
// when something long begins, and one every while.
type display struct {
	say    func(format string, args ...any)
	stderr *errorOutput // on a terminal
	began  time.Time
	over   chan struct{}
	bars   *mpb.Progress // nil where there is no terminal
	bar    *mpb.Bar

	mu    sync.Mutex
	now   engine.Step
	since time.Time // of what it is about
	said  time.Time // when a line last told of it; zero before
}

// sayEvery is how often a run without a terminal prints what it is doing, and
// sayAfter when it first does so for a step without a known end: before somebody
// thinks that it hangs. A step that lasts is printed less and less often, so that it
// does not fill a log: the pause doubles, up to sayAtLeast.
const (
	sayEvery   = 10 * time.Second
	sayAfter   = 3 * time.Second
	sayAtLeast = time.Minute
)

func (e *env) newDisplay() *display {
	d := &display{say: e.say, began: time.Now(), over: make(chan struct{})}
	out, ok := e.stderr.(*errorOutput)
	if !ok || !wide(out) {
		go d.tick()
		return d
	}
	d.stderr, d.bars = out, mpb.New(mpb.WithOutput(out.to), mpb.WithWidth(60))
	style := mpb.BarStyle().Build()
	filler := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		if s.Total == 0 {
			return nil
		}
		return style.Fill(w, s)
	})
	d.bar, _ = d.bars.Add(0, filler, // it fails after Wait alone
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			s := d.at()
			s.Done, s.Total = 0, 0
			return render.Message(s.String()) + " "
		})),
		mpb.AppendDecorators(
			decor.Any(func(decor.Statistics) string { return d.at().Counts() + " " }),
			decor.Any(func(decor.Statistics) string { return d.elapsed() })))
	out.through(d.bars)
	return d
}

// wide says whether f is a terminal that has room for a bar: a serial console, and
// one that nobody looks at, often do not know how wide they are.
func wide(f any) bool {
	file, ok := bare(f).(*os.File)
	if !ok {
		return false
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return err == nil && size.Col > 0 && size.Row > 0
}

func (d *display) at() engine.Step {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *display) elapsed() string { return time.Since(d.began).Round(time.Second).String() }

func (d *display) show(s engine.Step) {
	if s == (engine.Step{}) {
		return
	}
	d.mu.Lock()
	begins := s.What != d.now.What
	if begins || s.Name != d.now.Name {
		d.since = time.Now()
	}
	d.now = s
	d.mu.Unlock()
	switch {
	case d.bars != nil:
		d.bar.SetTotal(s.Total, false)
		d.bar.SetCurrent(s.Done)
	case begins && s.Total > 0:
		d.say("%s: %s", s.What, s.All())
	}
}

// tick says what a run is at where there is no terminal.
func (d *display) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-d.over:
			return
		case at := <-t.C:
			if d.due(at) {
				d.say("%s, %s", d.at(), d.elapsed())
			}
		}
	}
}

// due says whether a line is to be printed: of a unit that is waited for soon,
// and again every while, of anything else every while.
func (d *display) due(at time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, wait := d.said, sayEvery
	if last.Before(d.since) && d.now.Total == 0 && d.now.What == engine.WaitingFor {
		last, wait = d.since, sayAfter
	} else if last.IsZero() {
		last = d.began
	} else {
		wait = max(wait, min(last.Sub(d.since), sayAtLeast))
	}
	if d.now == (engine.Step{}) || at.Sub(last) < wait {
		return false
	}
	d.said = at
	return true
}

func (d *display) end() {
	if d == nil {
		return
	}
	close(d.over)
	if d.bars == nil {
		return
	}
	d.bar.Abort(true)
	d.bars.Wait()
	d.stderr.through(nil)
}

// progressFile is where a service leaves its steps, one JSON object a line.
const progressFile = "progress"

// relay writes steps where the command that started the service finds them. A
// count that grows is written ten times a second at most. What cannot be written
// nobody misses.
func relay(dir string) func(engine.Step) {
	var mu sync.Mutex
	var last engine.Step
	var at time.Time
	return func(s engine.Step) {
		mu.Lock()
		defer mu.Unlock()
		if s.What == last.What && s.Name == last.Name && s.Done < s.Total && time.Since(at) < 100*time.Millisecond {
			return
		}
		last, at = s, time.Now()
		b, err := json.Marshal(s)
		if err != nil {
			return
		}
		f, err := os.OpenFile(filepath.Join(dir, progressFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return
		}
		defer f.Close()
		_, _ = f.Write(append(b, '\n')) // see above
	}
}

// steps shows what a service is at.
func (f *follower) steps() {
	from, err := os.Open(filepath.Join(f.dir, progressFile))
	if err != nil {
		return
	}
	defer from.Close()
	b, err := io.ReadAll(io.NewSectionReader(from, f.shown, 1<<20))
	if err != nil {
		return
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	f.shown += int64(len(b))
	for line := range bytes.Lines(b) {
		var s engine.Step
		switch {
		case json.Unmarshal(line, &s) != nil:
		case s == (engine.Step{}):
			f.still()
		default:
			f.at(s)
		}
	}
}
