package bootloader

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The entries of a kernel are found by its version, which has a + in Debian, and
// with the counter that an entry has at first.
func TestEntriesOf(t *testing.T) {
	boot := t.TempDir()
	entries := filepath.Join(boot, "loader/entries")
	if err := os.MkdirAll(entries, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"aaa-6.12.57+deb13-amd64", "aaa-6.12.74+deb13-amd64+3", "aaa-6.12.74+deb13-amd64+2-1", "aaa-6.12.74+deb13-rt-amd64", "aaa-6.1.0-40-amd64+1", "bbb-6.12.57+deb13-amd64",
	} {
		if err := os.WriteFile(filepath.Join(entries, name+".conf"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[string][]string{
		"6.12.57+deb13-amd64":    {"aaa-6.12.57+deb13-amd64", "bbb-6.12.57+deb13-amd64"},
		"6.12.74+deb13-amd64":    {"aaa-6.12.74+deb13-amd64+2-1", "aaa-6.12.74+deb13-amd64+3"},
		"6.12.74+deb13-rt-amd64": {"aaa-6.12.74+deb13-rt-amd64"},
		"6.1.0-40-amd64":         {"aaa-6.1.0-40-amd64+1"},
		"6.12.57":                nil,
	} {
		got, err := entriesOf(boot, version)
		for i := range got {
			got[i] = strings.TrimSuffix(filepath.Base(got[i]), ".conf")
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s has %v, %v, wanted %v", version, got, err, want)
		}
	}
}
