package engine

import (
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/account"
)

func TestDeclaredIDsOfEarlierAccounts(t *testing.T) {
	got := idNotes(map[string]int{"bob": 1820, "new": 1300, "same": 1400}, account.Tombs{Users: map[string]int{"bob": 1810, "zed": 1300, "same": 1400}})
	want := []string{
		`user "bob" had uid 1810 when it was here before, and gets 1820; files of then keep the old one: find / -xdev -uid 1810`,
		`user "new" gets uid 1300, which was user "zed"'s; it owns what that one left`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("it says %q", got)
	}
}
