package plan

import (
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// TestRecordedAccounts: on a recorded way accounts become what the records did to
// them, whatever the specs say.
func TestRecordedAccounts(t *testing.T) {
	alice := spec.User{UID: ptr(1000), Group: "alice", Groups: []string{"sudo"}, Home: "/home/alice", Shell: "/bin/bash"}
	bob := alice
	bob.Groups = nil
	got, _ := lines(t, Input{
		Want: &spec.Host{}, Prev: &spec.Host{Users: map[string]spec.User{"alice": {Absent: true}, "carl": {}}},
		State: &spec.State{Users: map[string]spec.User{"carl": {UID: ptr(1002)}}},
		Recorded: &Recorded{
			Before: Accounts{Users: map[string]spec.User{"bob": alice, "carl": {UID: ptr(1002)}}, Groups: map[string]spec.Group{"g": {GID: ptr(1500)}}},
			After:  Accounts{Users: map[string]spec.User{"alice": alice, "bob": bob, "carl": {UID: ptr(1002)}}, Groups: map[string]spec.Group{}},
		},
	})
	want := []string{
		`delete group g gid:"1500"->""`,
		`create user alice uid:""->"1000" group:""->"alice" groups:""->"sudo" home:""->"/home/alice" shell:""->"/bin/bash"`,
		`update user bob groups:"sudo"->""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the plan is %q", got)
	}
}
