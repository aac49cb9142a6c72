package spec

import (
	"slices"
	"testing"
)

func sample(content, version, installed string) (*Host, []Locked, *State) {
	return &Host{Version: Version, Name: "h", Files: map[string]File{"/etc/motd": {Type: Regular, Content: content}}},
		[]Locked{{Name: "tiny", Version: version}},
		&State{Installed: map[string]Installed{"dpkg": {Version: installed}}, Files: map[string]File{}}
}

func TestMovedNamesWhatMoved(t *testing.T) {
	was, err := BasisOf(sample("a", "1", "1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		content, version, installed string
		want                        []string
	}{
		{"a", "1", "1", nil},
		{"b", "1", "1", []string{"the configuration has moved: file:/etc/motd"}},
		{"a", "2", "1", []string{"the package lock has moved: tiny"}},
		{"a", "1", "2", []string{"the machine has moved: package:dpkg"}},
	} {
		now, err := BasisOf(sample(c.content, c.version, c.installed))
		if err != nil {
			t.Fatal(err)
		}
		if got := was.Moved(now); !slices.Equal(got, c.want) {
			t.Errorf("%v: got %q", c, got)
		}
	}
}

func FuzzReadSavedPlan(f *testing.F) {
	basis, err := BasisOf(sample("a", "1", "1"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := (&SavedPlan{Basis: basis, Plan: &Plan{Version: 1, Host: "h", Changes: []Change{{ID: ID{KindFile, "/etc/motd"}, Action: Create}}}}).Write()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"plan":{"host":"h"},"basis":{"spec":{},"host":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadSavedPlan(b)
		if err != nil {
			return
		}
		p.Basis.Moved(basis)
		again, err := p.Write()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSavedPlan(again); err != nil {
			t.Errorf("it cannot be read again: %v", err)
		}
	})
}
