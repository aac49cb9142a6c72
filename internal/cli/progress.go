package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/spec"
)

// step is what a run is at, for whoever waits. It has counts, and names of
// packages and units, and nothing that a program has printed.
type step struct {
	What  string `json:"what"`           // "unpacking"
	Name  string `json:"name,omitempty"` // the package, unit or input
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"` // 0 where nobody knows
	Unit  string `json:"unit,omitempty"`  // of Done and Total: "packages", or megaBytes of a count of bytes
}

const megaBytes = "MB"

func (s step) String() string {
	text := s.What
	if s.Name != "" {
		text += " " + s.Name
	}
	if counts := s.counts(); counts != "" {
		text += " " + counts
	}
	return text
}

func (s step) counts() string {
	switch {
	case s.Done+s.Total == 0:
		return ""
	case s.Unit == megaBytes && s.Total == 0:
		return fmt.Sprintf("%.1f MB", float64(s.Done)/1e6)
	case s.Unit == megaBytes:
		return fmt.Sprintf("%.1f/%.1f MB", float64(s.Done)/1e6, float64(s.Total)/1e6)
	}
	return fmt.Sprintf("%d/%d %s", s.Done, s.Total, s.Unit)
}

// all is how much the step is about.
func (s step) all() string {
	if s.Unit == megaBytes {
		return fmt.Sprintf("%.1f MB", float64(s.Total)/1e6)
	}
	return spec.Count(int(s.Total), strings.TrimSuffix(s.Unit, "s"), s.Unit)
}

// at tells whoever waits what the run is at: on this terminal, or through the
// command that follows a service.
func (e *env) at(s step) {
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
		e.tell(step{}) // so that whoever follows a service does the same
	}
	e.display.end()
	e.display, e.tell = nil, func(step) {}
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
	now   step
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
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { s := d.at(); s.Done, s.Total = 0, 0; return message(s.String()) + " " })),
		mpb.AppendDecorators(
			decor.Any(func(decor.Statistics) string { return d.at().counts() + " " }),
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

func (d *display) at() step {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *display) elapsed() string { return time.Since(d.began).Round(time.Second).String() }

func (d *display) show(s step) {
	if s == (step{}) {
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
		d.say("%s: %s", s.What, s.all())
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
	if last.Before(d.since) && d.now.Total == 0 && d.now.What == waitingFor {
		last, wait = d.since, sayAfter
	} else if last.IsZero() {
		last = d.began
	} else {
		wait = max(wait, min(last.Sub(d.since), sayAtLeast))
	}
	if d.now == (step{}) || at.Sub(last) < wait {
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
func relay(dir string) func(step) {
	var mu sync.Mutex
	var last step
	var at time.Time
	return func(s step) {
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
		var s step
		switch {
		case json.Unmarshal(line, &s) != nil:
		case s == (step{}):
			f.still()
		default:
			f.at(s)
		}
	}
}

// packageSteps reads in what dpkg prints how far it is, and passes it on. It
// tells names that are packages of the plan, and no other word.
type packageSteps struct {
	to    io.Writer
	tell  func(step)
	plan  map[string]bool // packages that come
	done  map[string]int64
	line  []byte
	heads map[string]string // how dpkg's line begins, to what it does
}

func newPackageSteps(to io.Writer, tell func(step), p *spec.Plan) *packageSteps {
	s := &packageSteps{
		to: to, tell: tell, plan: map[string]bool{}, done: map[string]int64{},
		heads: map[string]string{"Unpacking ": "unpacking", "Setting up ": "configuring"},
	}
	for _, c := range p.Of(spec.KindPackage) {
		if c.Action != spec.Delete {
			s.plan[c.ID.Name] = true
		}
	}
	return s
}

func (s *packageSteps) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	for line := range bytes.Lines(b) {
		if s.line = append(s.line, line...); line[len(line)-1] == '\n' {
			s.read(string(s.line))
			s.line = s.line[:0]
		}
	}
	if len(s.line) > 4096 { // no line of dpkg's
		s.line = s.line[:0]
	}
	return n, err
}

func (s *packageSteps) read(line string) {
	for head, what := range s.heads {
		rest, ok := strings.CutPrefix(line, head)
		name, _, version := strings.Cut(rest, " (")
		name, _, _ = strings.Cut(name, ":") // of an architecture
		if !ok || !version || !s.plan[name] {
			continue
		}
		s.done[what] = min(s.done[what]+1, int64(len(s.plan)))
		s.tell(step{What: what, Name: name, Done: s.done[what], Total: int64(len(s.plan)), Unit: "packages"})
	}
}
