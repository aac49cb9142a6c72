package engine

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
)

// A boot that does not come to the file system with the generations does not take
// that for a machine without any: a trial stays one, and what waits is not dropped,
// until the system runs.
func TestBootWithoutGenerations(t *testing.T) {
	needsRoot(t)
	for name, at := range map[string]generation.AtBoot{
		"a trial of the first generation": {Back: 0},
		"a trial of a later one":          {Back: 3},
		"one that waits":                  {Apply: 4, Back: 3},
	} {
		root := t.TempDir()
		slot := filepath.Join(root, node.AreaName, "gen/4/0")
		for _, dir := range []string{slot, filepath.Join(root, "etc")} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		store := generation.Store{Root: root}
		if err := store.SetAtBoot(&at); err != nil {
			t.Fatal(err)
		}
		if err := beforeInit(root, io.Discard); err == nil || !strings.Contains(err.Error(), generation.Dir) {
			t.Errorf("%s: %v", name, err)
		}
		left, err := store.AtBoot()
		if err != nil || left == nil || left.Refused == "" || left.Apply != at.Apply || left.Back != at.Back {
			t.Errorf("%s: left is %+v, %v", name, left, err)
		}
		if _, err := os.Stat(slot); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
