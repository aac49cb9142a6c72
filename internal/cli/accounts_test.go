package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/spec"
)

// What is to be known of accounts is said beside a plan that is looked at and
// beside one that is about to be carried out; not once more after the answer.
func TestPlansSayWhoseAccounts(t *testing.T) {
	needsRoot(t)
	root := recordedRoot(t, 1)
	writeTestFile(t, filepath.Join(root, generation.Dir, "tombs.json"), []byte(`{"users":{"old":1820}}`))
	p := &spec.Plan{Changes: []spec.Change{{
		ID: spec.ID{Kind: spec.KindUser, Name: "bob"}, Action: spec.Create, Fields: []spec.Field{{Name: "uid", After: "1820"}},
	}}}
	for name, c := range map[string]struct {
		agreed string
		show   func(*session) error
		says   bool
	}{
		"plan":             {"", func(s *session) error { return s.show(p, false) }, true},
		"switch":           {"", func(s *session) error { return s.announce(p, false) }, true},
		"after the answer": {"Switch?", func(s *session) error { return s.announce(p, false) }, false},
	} {
		var out bytes.Buffer
		e := &env{root: root, stdout: &output{to: &out}, stderr: &out, agreed: c.agreed}
		s, err := openSession(e)
		if err == nil {
			err = c.show(s)
		}
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(out.String(), `user "bob" gets uid 1820, which was user "old"'s`); said != c.says {
			t.Errorf("%s: whose uid it was is said: %v\n%s", name, said, out.String())
		}
	}
}
