package render

import (
	"fmt"
	"io"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/spec"
)

// DriftJSON writes a drift report for programs. docs/drift.md explains each field.
func DriftJSON(w io.Writer, d *spec.Drift) error {
	shown := *d
	if shown.Items == nil {
		shown.Items = []spec.DriftItem{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(shown)
}

// Drift writes a drift report for people: one line per item, and a second one if
// there is a before and a now.
func Drift(w io.Writer, d *spec.Drift, opts Options) error {
	t := &text{Options: opts}
	if len(d.Items) == 0 {
		t.line("No drift: this machine is as generation %d has it.", d.Generation)
	}
	remedies := map[spec.Remedy]int{}
	kind := ""
	for _, i := range d.Items {
		if i.Kind != kind {
			if kind != "" {
				t.line("")
			}
			kind = i.Kind
		}
		t.driftItem(i)
		remedies[i.Switch]++
	}
	if n := len(d.Items); n > 0 {
		t.line("")
		t.line("%s from generation %d: switch restores %d, removes %d, leaves %d.",
			spec.Count(n, "difference", "differences"), d.Generation, remedies[spec.Restores], remedies[spec.Removes], remedies[spec.Leaves])
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

func (t *text) driftItem(i spec.DriftItem) {
	action := map[spec.DriftChange]spec.Action{spec.Added: spec.Create, spec.Unowned: spec.Create, spec.Removed: spec.Delete, spec.Changed: spec.Update}[i.Change]
	what := i.Kind + " " + Printable(i.Name)
	if i.Field != "" {
		what += " " + Printable(i.Field)
	}
	switch {
	case i.Count > 0:
		what += fmt.Sprintf(" and %s below it", spec.Count(i.Count, "path", "paths"))
	case i.Change == spec.Unowned:
		what += " (unowned)"
	}
	comment := "switch " + string(i.Switch) + " it"
	if o := i.Origin.String(); o != "" {
		comment = o + ", " + comment
	}
	t.head(action, what, comment)
	if i.Change == spec.Unowned {
		return
	}
	detail := fmt.Sprintf("%s -> %s", shorten("", i.Before), shorten("", i.Now))
	if i.Where != i.Name {
		detail += "  in " + Printable(i.Where)
	}
	t.line("      %s", detail)
}
