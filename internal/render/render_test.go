package render

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files, to be read before they are committed")

func id(kind spec.Kind, name string) spec.ID { return spec.ID{Kind: kind, Name: name} }

func examplePlan() *spec.Plan {
	at := func(line int) spec.Origin { return spec.Origin{File: "hosts/web1/default.hcl", Line: line} }
	version := func(before, after string) []spec.Field {
		return []spec.Field{{Name: "version", Before: before, After: after}}
	}
	return &spec.Plan{
		Version: 1, Host: "web1", Generation: 3, SpecDigest: "s", LockDigest: "l",
		Changes: []spec.Change{
			{ID: id(spec.KindPackage, "curl"), Action: spec.Upgrade, Fields: version("8.14.0-1", "8.14.1-2"), Origin: at(4)},
			{ID: id(spec.KindPackage, "exim4"), Action: spec.Delete, Fields: version("4.98", "")},
			{ID: id(spec.KindPackage, "jq"), Action: spec.Downgrade, Fields: version("1.8", "1.7"), Origin: at(5)},
			{ID: id(spec.KindPackage, "libcurl4t64"), Action: spec.Upgrade, Fields: version("8.14.0-1", "8.14.1-2")},
			{ID: id(spec.KindPackage, "libpcre2-8-0"), Action: spec.Create, Fields: version("", "10.45-1")},
			{ID: id(spec.KindPackage, "mariadb-server"), Action: spec.Upgrade, Fields: version("1:11.8.3-1", "1:11.8.6-1"), Data: "/var/lib/mysql"},
			{ID: id(spec.KindPackage, "nginx"), Action: spec.Create, Fields: version("", "1.26.3-3"), Origin: at(6)},
			{ID: id(spec.KindPackage, "nginx-common"), Action: spec.Create, Fields: version("", "1.26.3-3")},
			{ID: id(spec.KindUser, "ann"), Action: spec.Update, Origin: at(10), Fields: []spec.Field{
				{Name: "groups", Before: "sudo", After: "docker sudo"}, {Name: "comment", After: "Ann"}, {Name: "home", Before: "/home/a b"}}},
			{ID: id(spec.KindSecret, "wifi"), Action: spec.Create, Origin: at(12), Fields: []spec.Field{
				{Name: "file_digest", After: spec.Sum([]byte("x"))}, {Name: "mode", After: "0400"}}},
			{ID: id(spec.KindFile, "/etc/motd"), Action: spec.Update, Origin: at(20), Fields: []spec.Field{
				{Name: "content", Before: "one\ntwo\nthree", After: "one\n2\x1b[31m\nthree\n"}, {Name: "mode", Before: "0600", After: "0644"}}},
			{ID: id(spec.KindFile, "/etc/new"), Action: spec.Create, Origin: at(24), Fields: []spec.Field{
				{Name: "type", After: "file"}, {Name: "content", After: "a\n```\nc\n"}}},
			{ID: id(spec.KindUnit, "old.service"), Action: spec.Delete, Fields: []spec.Field{{Name: "content", Before: "[Service]\n"}}},
		},
		Extras:   []string{"strace", "vim"},
		Warnings: []string{"user \"bare\" is made without a password", "second"},
	}
}

// A long diff and a long new file do not flood the plan: they are cut, and what
// is left out is counted. -v shows all.
func TestPlanDoesNotFlood(t *testing.T) {
	var before, after strings.Builder
	for n := range 300 {
		fmt.Fprintf(&before, "# locale %d\n", n)
		fmt.Fprintf(&after, "locale %d\n", n)
	}
	p := &spec.Plan{Version: 1, Host: "h", Changes: []spec.Change{
		{ID: id(spec.KindFile, "/etc/locale.gen"), Action: spec.Update, Fields: []spec.Field{{Name: "content", Before: before.String(), After: after.String()}}},
		{ID: id(spec.KindFile, "/etc/new"), Action: spec.Create, Fields: []spec.Field{{Name: "content", After: after.String()}}},
	}}
	var short, long bytes.Buffer
	if err := errors.Join(Text(&short, p, Options{}), Text(&long, p, Options{Verbose: true})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"... and 581 more lines, which -v shows\n", "        +locale 4\n        ... and 295 more lines, which -v shows\n"} {
		if !strings.Contains(short.String(), want) {
			t.Errorf("the plan lacks %q:\n%s", want, short.String())
		}
	}
	if n := strings.Count(short.String(), "\n"); n > 40 {
		t.Errorf("the plan has %d lines:\n%s", n, short.String())
	}
	if n := strings.Count(long.String(), "locale "); n != 900 || strings.Contains(long.String(), "more lines") {
		t.Errorf("with -v there are %d lines of content, want 900", n)
	}
}

func TestGolden(t *testing.T) {
	empty := &spec.Plan{Version: 1, Host: "web1", Generation: 3, Extras: []string{"vim"}}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"plan.txt":         func(b *bytes.Buffer) error { return Text(b, examplePlan(), Options{}) },
		"plan-verbose.txt": func(b *bytes.Buffer) error { return Text(b, examplePlan(), Options{Verbose: true}) },
		"plan-color.txt":   func(b *bytes.Buffer) error { return Text(b, examplePlan(), Options{Color: true}) },
		"plan.md":          func(b *bytes.Buffer) error { return Markdown(b, examplePlan()) },
		"plan.json":        func(b *bytes.Buffer) error { return JSON(b, examplePlan()) },
		"empty.txt":        func(b *bytes.Buffer) error { return Text(b, empty, Options{}) },
		"empty.md":         func(b *bytes.Buffer) error { return Markdown(b, empty) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: want\n%s\ngot\n%s", name, want, got.String())
		}
	}
}

// TestJSONIsThePlan: a program may hand back what it was given.
func TestJSONIsThePlan(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, &spec.Plan{Version: 1}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"changes": []`) {
		t.Errorf("no changes are %s", b.String())
	}
	b.Reset()
	if err := JSON(&b, examplePlan()); err != nil {
		t.Fatal(err)
	}
	var back spec.Plan
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Changes) != 13 || back.Changes[10].Fields[0].After != "one\n2\x1b[31m\nthree\n" {
		t.Errorf("read back it is %+v", back)
	}
}

func TestUseColor(t *testing.T) {
	for _, c := range []struct {
		terminal      bool
		noColor, term string
		want          bool
	}{
		{true, "", "xterm", true},
		{false, "", "xterm", false},
		{true, "1", "xterm", false},
		{true, "", "dumb", false},
	} {
		got := UseColor(c.terminal, func(name string) string { return map[string]string{"NO_COLOR": c.noColor, "TERM": c.term}[name] })
		if got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
