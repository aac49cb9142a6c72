package apt

import (
	"slices"
	"testing"
)

func TestLines(t *testing.T) {
	t.Setenv("HOSTCTL_MIRROR", "file:///srv/mirror/")
	got, err := Lines(t.Context(), Source{Input: "debian", Suite: "trixie", Components: []string{"main", "contrib"}})
	want := []string{"deb file:///srv/mirror trixie main contrib", "deb file:///srv/mirror trixie-updates main contrib"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
