package engine

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// Step is what a run is at, for whoever waits. It has counts, and names of
// packages and units, and nothing that a program has printed.
type Step struct {
	What  string `json:"what"`           // "unpacking"
	Name  string `json:"name,omitempty"` // the package, unit or input
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"` // 0 where nobody knows
	Unit  string `json:"unit,omitempty"`  // of Done and Total: "packages", or MegaBytes of a count of bytes
}

const MegaBytes = "MB"

func (s Step) String() string {
	text := s.What
	if s.Name != "" {
		text += " " + s.Name
	}
	if counts := s.Counts(); counts != "" {
		text += " " + counts
	}
	return text
}

func (s Step) Counts() string {
	switch {
	case s.Done+s.Total == 0:
		return ""
	case s.Unit == MegaBytes && s.Total == 0:
		return fmt.Sprintf("%.1f MB", float64(s.Done)/1e6)
	case s.Unit == MegaBytes:
		return fmt.Sprintf("%.1f/%.1f MB", float64(s.Done)/1e6, float64(s.Total)/1e6)
	}
	return fmt.Sprintf("%d/%d %s", s.Done, s.Total, s.Unit)
}

// All is how much the step is about.
func (s Step) All() string {
	if s.Unit == MegaBytes {
		return fmt.Sprintf("%.1f MB", float64(s.Total)/1e6)
	}
	return spec.Count(int(s.Total), strings.TrimSuffix(s.Unit, "s"), s.Unit)
}

// packageSteps reads in what dpkg prints how far it is, and passes it on. It
// tells names that are packages of the plan, and no other word.
type packageSteps struct {
	to    io.Writer
	tell  func(Step)
	plan  map[string]bool // packages that come
	done  map[string]int64
	line  []byte
	heads map[string]string // how dpkg's line begins, to what it does
}

func newPackageSteps(to io.Writer, tell func(Step), p *spec.Plan) *packageSteps {
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
		s.tell(Step{What: what, Name: name, Done: s.done[what], Total: int64(len(s.plan)), Unit: "packages"})
	}
}
