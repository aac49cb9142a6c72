package guard

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Units that run hostctl are refused where it is not, by the place and the remedy.
func TestOwnProgramIsThere(t *testing.T) {
	root := t.TempDir()
	want := &spec.Host{
		Settings: spec.Settings{Hostctl: "/usr/local/bin/hostctl"},
		Units:    map[string]spec.Unit{"hostctl-secrets.service": {Content: "[Service]\nExecStart=/usr/local/bin/hostctl secrets install\n"}},
	}
	err := OwnProgram(system.Root(root), want, &spec.Plan{})
	for _, text := range []string{`unit "hostctl-secrets.service"`, "/usr/local/bin/hostctl, which does not exist", "hostctl { path = "} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the error is %v, and lacks %q", err, text)
		}
	}
	if err := OwnProgram(system.Root(root), &spec.Host{Settings: want.Settings}, &spec.Plan{}); err != nil {
		t.Errorf("no unit runs it: %v", err)
	}
	root = string(machineOf(t, map[string]string{"/usr/local/bin/hostctl": "#!/bin/sh\n"}))
	if err := OwnProgram(system.Root(root), want, &spec.Plan{}); err != nil {
		t.Error(err)
	}
	const local, deb = "/usr/local/bin/hostctl", packaged
	for name, c := range map[string]struct {
		path    string
		change  spec.Change
		refused bool
	}{
		"its package has it elsewhere": {local, changeOf(spec.KindPackage, "hostctl", spec.Create), true},
		"its package brings it":        {deb, changeOf(spec.KindPackage, "hostctl", spec.Create), false},
		"its package goes":             {deb, changeOf(spec.KindPackage, "hostctl", spec.Delete), true},
		"a file brings it":             {local, changeOf(spec.KindFile, local, spec.Create), false},
	} {
		root := t.TempDir()
		if c.change.Action == spec.Delete {
			root = string(machineOf(t, map[string]string{c.path: "#!/bin/sh\n"}))
		}
		want := &spec.Host{
			Settings: spec.Settings{Hostctl: c.path}, Packages: map[string]spec.Package{"hostctl": {Absent: c.change.Action == spec.Delete}},
			Units: map[string]spec.Unit{"hostctl-secrets.service": {Content: "[Service]\nExecStart=" + c.path + " secrets install\n"}},
		}
		if err := OwnProgram(system.Root(root), want, &spec.Plan{Changes: []spec.Change{c.change}}); (err != nil) != c.refused {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func changeOf(kind spec.Kind, name string, action spec.Action) spec.Change {
	return spec.Change{ID: spec.ID{Kind: kind, Name: name}, Action: action}
}
