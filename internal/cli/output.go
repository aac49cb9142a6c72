package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

// output is stdout. It keeps the first error of writing to it, which end
// reports: no command has to look at what it prints. Nothing on it steers the
// terminal, wherever it ends up.
type output struct {
	to     io.Writer
	filter render.Filter
	exact  bool // what is written is for a program, or a file as it is
	used   bool // there is, or should be, something on it
	err    error
}

func (o *output) Write(b []byte) (int, error) {
	o.used = true
	clean := b
	if !o.exact {
		clean = o.filter.Clean(b)
	}
	_, err := o.to.Write(clean)
	if o.err == nil {
		o.err = err
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// errorOutput is stderr, with nothing on it that steers the terminal: what
// hostctl says names processes, files and what others have said.
type errorOutput struct {
	to     io.Writer
	filter render.Filter

	mu   sync.Mutex
	bars io.Writer // prints above the bar that stands on the terminal
}

func (o *errorOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	to := o.to
	if o.bars != nil {
		to = o.bars
	}
	if _, err := to.Write(o.filter.Clean(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// through makes bars the way to the terminal; nil is the straight one.
func (o *errorOutput) through(bars *mpb.Progress) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bars = nil
	if bars != nil {
		o.bars = bars
	}
}

// errorsTo makes a stderr of a writer.
func errorsTo(w io.Writer) *errorOutput {
	return &errorOutput{to: w, filter: render.Filter{Colours: color(w)}}
}

// bare is what a program that paints for itself writes to.
func bare(f any) any {
	switch o := f.(type) {
	case *output:
		return o.to
	case *errorOutput:
		return o.to
	}
	return f
}

// say tells a person what is going on; results go to stdout, this does not.
func (e *env) say(format string, args ...any) {
	fmt.Fprintln(e.stderr, render.Message(fmt.Sprintf(format, args...)))
}

// terminal reports whether f is one.
func terminal(f any) bool {
	file, ok := bare(f).(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// color says whether output to f is coloured.
func color(f any) bool { return render.UseColor(terminal(f), os.Getenv) }

// show prints a plan as text or JSON.
func (e *env) show(p *spec.Plan, verbose bool) error {
	if e.shownBefore() {
		return nil
	}
	if e.json {
		return render.JSON(e.stdout, p)
	}
	return render.Text(e.stdout, p, render.Options{
		Color: color(e.stdout), Verbose: verbose,
	})
}

// announce is show for what is about to be done. With --json the plan is printed
// when that is over, with where it led.
func (e *env) announce(p *spec.Plan, verbose bool) error {
	if e.json && !e.shownBefore() {
		e.announced = p
		return nil
	}
	return e.show(p, verbose)
}

// tellResult prints, with --json, what was announced and where the machine stands
// now.
func (e *env) tellResult() error {
	if e.announced == nil {
		return nil
	}
	var r render.Result
	var err error
	if r.Generation, r.Waiting, err = engine.Standing(e.root); err != nil {
		return err
	}
	return render.CarriedJSON(e.stdout, e.announced, r)
}

// shownBefore says that this is done for somebody who has seen what it is.
func (e *env) shownBefore() bool { return e.inService || e.agreed != "" }

// confirm says whether a person has to be asked before anything changes, which
// changing does when the locks are free: whoever thinks about the answer keeps
// nobody waiting. Without a terminal to ask on, --yes has to be given.
func (e *env) confirm(question string, yes bool) (waits bool, err error) {
	switch {
	case yes || e.confirmed != nil || e.agreed == question:
		return false, nil
	case e.agreed != "":
		return false, fmt.Errorf("cannot go on: the question was %q, and it is %q now, since something changed meanwhile; nothing was changed by this run, run the command again", e.agreed, question)
	case !terminal(e.stdin):
		return false, errors.New("cannot ask for confirmation: stdin is not a terminal; give --yes to go ahead without")
	}
	e.asks = question
	return true, nil
}

// ask asks what confirm has noted, until a signal comes.
func (e *env) ask(ctx context.Context) error {
	hint, yes := " [y/N] ", []string{"y", "yes"}
	if e.word != "" {
		hint, yes = " ", []string{"yes " + e.word}
	}
	fmt.Fprint(e.stderr, render.Message(e.asks), hint)
	answered := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(e.stdin).ReadString('\n') // the end of the input is no yes
		answered <- answer
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(e.stderr)
		return ctx.Err()
	case answer := <-answered:
		if !strings.HasSuffix(answer, "\n") {
			fmt.Fprintln(e.stderr)
		}
		if !slices.Contains(yes, strings.Join(strings.Fields(strings.ToLower(answer)), " ")) {
			return errors.New("not confirmed; nothing was changed")
		}
	}
	e.agreed, e.asks = e.asks, ""
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
