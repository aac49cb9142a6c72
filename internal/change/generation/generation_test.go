package generation

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/spec"
)

// forest makes generations with the given parents: number i has parents[i].
func forest(t *testing.T, parents ...int) Store {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("records belong to root")
	}
	s := Store{Root: t.TempDir()}
	if err := s.Adopt(map[string]spec.Installed{"dpkg": {Version: "1", Arch: "amd64"}}); err != nil {
		t.Fatal(err)
	}
	for n, parent := range parents {
		host := &spec.Host{Version: spec.Version, Name: "h", Origins: map[spec.ID]spec.Origin{
			{Kind: spec.KindFile, Name: "/etc/motd"}: {File: "flake.hcl", Line: n, Layer: "host"},
		}}
		r := &Record{
			Meta: Meta{Number: n, Parent: parent}, Spec: host, Plan: &spec.Plan{}, Changeset: changeset.New(n),
			Services: []spec.ServiceRequest{{Unit: "a", Action: "start"}},
		}
		if err := s.Write(r, PendingPath(n)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(s.Root, PendingPath(n)), filepath.Join(s.Root, Path(n))); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestRouteGoesOverTheNearestCommonAncestor(t *testing.T) {
	s := forest(t, -1, 0, 1, 1, 3)
	for _, c := range []struct {
		from, to    int
		undo, apply []int
	}{
		{2, 0, []int{2, 1}, nil}, {0, 4, nil, []int{1, 3, 4}}, {2, 4, []int{2}, []int{3, 4}}, {3, 3, nil, nil},
	} {
		undo, apply, err := s.Route(c.from, c.to)
		if err != nil || !slices.Equal(undo, c.undo) || !slices.Equal(apply, c.apply) {
			t.Errorf("%d to %d: undo %v, apply %v, %v", c.from, c.to, undo, apply, err)
		}
	}
	if undo, apply, err := s.Route(9, 9); len(undo)+len(apply) != 0 || err != nil {
		t.Errorf("to where it is: undo %v, apply %v, %v", undo, apply, err)
	}
	if _, _, err := s.Route(0, 9); err == nil {
		t.Error("a generation that is not there has a route")
	}
}

func TestRecordsComeBack(t *testing.T) {
	s := forest(t, -1, 0)
	r, err := s.Load(1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Spec.Origins[spec.ID{Kind: spec.KindFile, Name: "/etc/motd"}].Line != 1 || len(r.Services) != 1 || r.Meta.Parent != 0 {
		t.Errorf("got %+v", r)
	}
	zero, err := s.Lock(0)
	if err != nil || len(zero) != 1 || zero[0].Name != "dpkg" {
		t.Errorf("the lock of generation 0 is %v, %v", zero, err)
	}
	next, err := s.Next()
	if err != nil || next != 2 {
		t.Errorf("the next generation is %d, %v", next, err)
	}
	if err := s.Write(r, PendingPath(2)); err != nil {
		t.Fatal(err)
	}
	if err := s.DiscardPending(); err != nil {
		t.Fatal(err)
	}
	if numbers, err := s.Numbers(); err != nil || !slices.Equal(numbers, []int{0, 1}) {
		t.Errorf("generations are %v, %v", numbers, err)
	}
	fi, err := os.Stat(filepath.Join(s.Root, Path(1), "accounts.json"))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("accounts.json in the cache is writable by others than root: %v, %v", fi.Mode(), err)
	}
}

// TestRecordsOfAnOlderHostctl: without a found.json only what a recorded plan is
// known to have created may be deleted.
func TestRecordsOfAnOlderHostctl(t *testing.T) {
	s := forest(t, -1)
	change := func(action spec.Action, kind spec.Kind, name string) spec.Change {
		return spec.Change{ID: spec.ID{Kind: kind, Name: name}, Action: action}
	}
	for n, changes := range [][]spec.Change{
		1: {change(spec.Create, spec.KindUser, "made"), change(spec.Create, spec.KindGroup, "made"), change(spec.Update, spec.KindUser, "alice"), change(spec.Create, spec.KindUser, "gone")},
		2: {change(spec.Update, spec.KindUser, "made"), change(spec.Delete, spec.KindUser, "gone")},
		3: {change(spec.Create, spec.KindFile, "/etc/motd")},
	} {
		if n == 0 {
			continue
		}
		r := &Record{Meta: Meta{Number: n, Parent: n - 1}, Plan: &spec.Plan{Changes: changes}, Changeset: changeset.New(n), Spec: &spec.Host{
			Version: spec.Version, Name: "h",
			Users: map[string]spec.User{"made": {}, "alice": {}, "gone": {}}, Groups: map[string]spec.Group{"made": {}, "video": {}},
		}}
		if err := s.Write(r, Path(n)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(s.Root, Path(n), foundFile)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.Found(3)
	if err != nil {
		t.Fatal(err)
	}
	if users, groups := slices.Sorted(maps.Keys(found.Users)), slices.Sorted(maps.Keys(found.Groups)); !slices.Equal(users, []string{"alice", "gone"}) || !slices.Equal(groups, []string{"video"}) {
		t.Errorf("not its own are %q and %q", users, groups)
	}
}

func TestFailedGenerations(t *testing.T) {
	s := forest(t, -1, 0)
	if s.Failed(1) != "" {
		t.Error("it has not failed yet")
	}
	if err := s.Fail(1, "a.service is unwell"); err != nil {
		t.Fatal(err)
	}
	if s.Failed(1) == "" {
		t.Error("its failure is forgotten")
	}
}
