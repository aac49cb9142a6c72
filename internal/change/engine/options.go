package engine

import (
	"context"
	"io"

	"github.com/hostctl/hostctl/internal/change/caller"
	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/change/space"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

// Options are what a machine is opened with.
type Options struct {
	Root    string // as mountinfo(5) knows it; "/" is the running system
	Cache   string // the folder of what can be fetched again; absolute
	Offline bool   // fetch nothing
	Command string // the command line, for records and messages
	User    string // who typed it
	Version string // hostctl's own
	Out     Output
}

// Output takes what a run says, for whoever waits.
type Output struct {
	Say   func(format string, args ...any) // a line for a person
	Step  func(Step)                       // what the run is at
	Still func()                           // what comes next on Log has the terminal to itself
	Log   io.Writer                        // what programs print
	Past  func()                           // from here on an interrupt would only leave work for recovery
}

// Target is what a machine is to be.
type Target struct {
	Host    *spec.Host
	Lock    []spec.Locked
	Sources []apt.Source // of the packages in Lock
	Commit  string       // of the configuration; "" if it is in no repository
	Dirty   bool         // it differs from Commit
}

// Agreement is what somebody has agreed to before a change.
type Agreement struct {
	Lockout []string     // the ways in which it may lock people out
	Any     bool         // and any other, too
	By      guard.Person // who agreed
}

// Outcome is how a run ended that failed.
type Outcome int

const (
	RolledBack Outcome = iota // after the commit; the machine is back, or stays at the generation it names
	Refused                   // it could be done, and a guard says no; nothing was changed
	Held                      // another run changes the machine
)

// Error is a failure with its outcome.
type Error struct {
	Outcome Outcome
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Person is whoever runs hostctl.
type Person = guard.Person

// Caller is whoever runs this.
func Caller() (Person, error) { return caller.Person() }

func (m *Machine) space() space.Space { return space.Space{Root: m.Root, Cache: m.Cache} }

func (m *Machine) say(format string, args ...any) { m.Out.Say(format, args...) }

func (m *Machine) at(s Step) { m.Out.Step(s) }

// sayPaths lists paths under a heading, the first twenty of them.
func (m *Machine) sayPaths(heading string, paths []string) {
	const most = 20
	if len(paths) == 0 {
		return
	}
	m.say("%s:", heading)
	for _, p := range paths[:min(most, len(paths))] {
		m.say("  %s", render.Printable(p))
	}
	if len(paths) > most {
		m.say("  and %d more", len(paths)-most)
	}
}

// uninterrupted is for what follows once an interrupt would only leave work for
// recovery.
func (m *Machine) uninterrupted(ctx context.Context) context.Context {
	m.Out.Past()
	return context.WithoutCancel(ctx)
}
