package cli

import (
	"encoding"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

// keys are the paths of all that a type has in JSON, as docs/json.md writes them.
func keys(t reflect.Type, at string) []string {
	if t == reflect.TypeFor[time.Time]() || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return []string{at}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return keys(t.Elem(), at)
	case reflect.Slice:
		return keys(t.Elem(), at+"[]")
	case reflect.Map:
		return keys(t.Elem(), strings.TrimPrefix(at+".NAME", "."))
	case reflect.Struct:
	default:
		return []string{at}
	}
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			out = append(out, keys(f.Type, at)...)
		default:
			out = append(out, keys(f.Type, strings.TrimPrefix(at+"."+name, "."))...)
		}
	}
	return out
}

// documented are the keys of the table below a heading of docs/json.md.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	b, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n### "+heading+"\n")
	if !found {
		t.Fatalf("docs/json.md has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n### ")
	var out []string
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			for _, key := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				out = append(out, key[1])
			}
		}
	}
	return out
}

// Programs read results by their keys: docs/json.md has each of them, and no
// other.
func TestResultsAreDocumented(t *testing.T) {
	list := keys(reflect.TypeFor[engine.Generation](), "")
	without := func(all, some []string) []string {
		return slices.DeleteFunc(all, func(key string) bool { return slices.Contains(some, key) })
	}
	plan := keys(reflect.TypeFor[spec.Plan](), "")
	for heading, has := range map[string][]string{
		"plan":                         plan,
		"switch, boot, test, rollback": without(keys(reflect.TypeFor[render.Carried](), ""), plan),
		"generations list":             list,
		"generations show":             without(keys(reflect.TypeFor[engine.Detail](), ""), list),
		"eval":                         keys(reflect.TypeFor[spec.Host](), ""),
	} {
		told := documented(t, heading)
		for _, key := range has {
			if !slices.Contains(told, key) {
				t.Errorf("%s: docs/json.md does not name %q", heading, key)
			}
		}
		for _, key := range told {
			if !slices.Contains(has, key) {
				t.Errorf("%s: docs/json.md names %q, which does not exist", heading, key)
			}
		}
	}
}
