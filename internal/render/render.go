// Package render shows plans to people and to programs: as text, as Markdown for a
// pull request, and as JSON. It decides nothing and leaves out no change; unless
// asked for everything, it counts dependencies and the lines of long files.
package render

import (
	"fmt"
	"io"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/spec"
)

// Options of the text form.
type Options struct {
	Color   bool
	Verbose bool // every dependency, and every line of files
}

// UseColor says whether to use colours, given whether the output is a terminal. A
// non-empty NO_COLOR forbids it (no-color.org), and so does TERM=dumb.
func UseColor(terminal bool, getenv func(string) string) bool {
	return terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// JSON writes the plan for programs: an object with version (1), host,
// generation (the number that the plan starts from), spec_digest, lock_digest,
// release {from, to} if that changes, lockout and refused (sentences: how the plan
// may keep people from logging in, and why it is not carried out), changes, keep,
// extras and warnings. Each change has id ("KIND:NAME"), action (create, update,
// delete, upgrade or downgrade), fields [{name, before, after}], for a package that
// is removed the reason why it is installed, and origin {file, line, layer}, whose
// file is empty for what nobody asked for by name. Changes are in stage order.
func JSON(w io.Writer, p *spec.Plan) error { return encode(w, listing(p)) }

// listing is a plan with [] rather than null, for readers that iterate.
func listing(p *spec.Plan) spec.Plan {
	shown := *p
	if shown.Changes == nil {
		shown.Changes = []spec.Change{}
	}
	return shown
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Carried is the JSON form of a plan that was carried out, or tried.
type Carried struct {
	spec.Plan
	Result Result `json:"result"`
}

// Result is the state of the machine when a command ends.
type Result struct {
	Generation int `json:"generation"`        // the current one
	Waiting    int `json:"waiting,omitempty"` // the one that the next boot applies; 0 is none
}

// CarriedJSON writes a plan for programs, with its result.
func CarriedJSON(w io.Writer, p *spec.Plan, r Result) error { return encode(w, Carried{listing(p), r}) }

// Text writes the plan for people, one paragraph per kind.
func Text(w io.Writer, p *spec.Plan, o Options) error {
	t := &text{Options: o}
	if p.Empty() {
		t.line("No changes: %s is what its configuration says.", p.Host)
	} else {
		t.first(p)
		t.line("Plan for %s, from generation %d:", p.Host, p.Generation)
		t.changes(p)
	}
	t.notes(p)
	if !p.Empty() {
		t.line("")
		t.line("%s.", Summary(p))
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// Markdown writes the plan as a section for a pull request's comment.
func Markdown(w io.Writer, p *spec.Plan) error {
	t := &text{flush: true}
	t.changes(p)
	body := strings.TrimPrefix(t.b.String(), "\n")
	var out strings.Builder
	fmt.Fprintf(&out, "### `%s`: %s\n", p.Host, Summary(p))
	head := &text{}
	head.first(p)
	for line := range strings.Lines(strings.TrimSuffix(head.b.String(), "\n")) {
		fmt.Fprintf(&out, "\n> %s", line)
	}
	if body != "" {
		fence := fenceFor(body)
		fmt.Fprintf(&out, "\n%sdiff\n%s%s\n", fence, body, fence)
	}
	n := &text{}
	n.notes(p)
	for line := range strings.Lines(n.b.String()) {
		if line != "\n" {
			fmt.Fprintf(&out, "\n> %s", line)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// fenceFor is a code fence that body does not contain.
func fenceFor(body string) string {
	fence := "```"
	for strings.Contains(body, fence) {
		fence += "`"
	}
	return fence
}

// Summary counts the changes in one line without a full stop.
func Summary(p *spec.Plan) string {
	if p.Empty() {
		return "no changes"
	}
	count := map[string]int{}
	for _, c := range p.Changes {
		count[verb(c.Action)]++
	}
	var parts []string
	for _, v := range []string{"create", "change", "upgrade", "downgrade", "delete"} {
		if count[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", count[v], v))
		}
	}
	return strings.Join(parts, ", ")
}

func verb(a spec.Action) string {
	if a == spec.Update {
		return "change"
	}
	return string(a)
}
