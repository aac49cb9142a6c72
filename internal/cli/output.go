package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

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
}

func (o *errorOutput) Write(b []byte) (int, error) {
	if _, err := o.to.Write(o.filter.Clean(b)); err != nil {
		return 0, err
	}
	return len(b), nil
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

// message is a text of hostctl's with texts of others in it: it has lines, and
// no colours.
func message(text string) string {
	var f render.Filter
	return string(append(f.Clean([]byte(text)), f.Rest()...))
}

// say tells a person what is going on; results go to stdout, this does not.
func (e *env) say(format string, args ...any) {
	fmt.Fprintln(e.stderr, message(fmt.Sprintf(format, args...)))
}

// sayPaths lists paths under a heading, the first twenty of them.
func (e *env) sayPaths(heading string, paths []string) {
	const most = 20
	if len(paths) == 0 {
		return
	}
	e.say("%s:", heading)
	for _, p := range paths[:min(most, len(paths))] {
		e.say("  %s", render.Printable(p))
	}
	if len(paths) > most {
		e.say("  and %d more", len(paths)-most)
	}
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
	if e.inService { // it was shown where it was typed
		return nil
	}
	if e.json {
		return render.JSON(e.stdout, p)
	}
	return render.Text(e.stdout, p, render.Options{
		Color: color(e.stdout), Verbose: verbose,
	})
}

// confirm asks before anything changes. Without a terminal to ask on, --yes
// has to be given.
func (e *env) confirm(question string, yes bool) error {
	if yes || e.confirmed != nil {
		return nil
	}
	if !terminal(e.stdin) {
		return errors.New("cannot ask for confirmation: stdin is not a terminal; give --yes to go ahead without")
	}
	fmt.Fprintf(e.stderr, "%s [y/N] ", message(question))
	answer, err := bufio.NewReader(e.stdin).ReadString('\n')
	if err != nil {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}

// progress shows bytes done of a long task: a bar on a terminal, otherwise a
// line at the start and one at the end.
func (e *env) progress(what string) (update func(done, total int64), end func()) {
	if !terminal(e.stderr) {
		started := false
		return func(_, total int64) {
			if !started {
				e.say("%s: %.1f MB", what, float64(total)/1e6)
				started = true
			}
		}, func() {}
	}
	bars := mpb.New(mpb.WithOutput(bare(e.stderr).(*os.File)))
	bar := bars.AddBar(0, mpb.PrependDecorators(decor.Name(what+" ")), mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f")))
	return func(done, total int64) {
			bar.SetTotal(total, false)
			bar.SetCurrent(done)
		}, func() {
			bar.SetTotal(-1, true)
			bars.Wait()
		}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
