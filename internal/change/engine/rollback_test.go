package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
)

// TestRollbackTarget: only leaving --to away means the parent.
func TestRollbackTarget(t *testing.T) {
	needsRoot(t)
	m := &Machine{store: generation.Store{Root: t.TempDir()}, begun: true, current: 2}
	for n := range 3 {
		rec := &generation.Record{Meta: generation.Meta{Number: n, Parent: n - 1}, Spec: emptyHost(), Plan: emptyPlan(), Changeset: changeset.New(n)}
		if err := m.store.Write(rec, generation.Path(n)); err != nil {
			t.Fatal(err)
		}
	}
	for given, want := range map[int]int{Parent: 1, 0: 0, 1: 1} {
		if to, err := m.RollbackTarget(given); err != nil || to != want {
			t.Errorf("--to %d means %d, want %d (%v)", given, to, want, err)
		}
	}
	for _, given := range []int{-3, 2, 7} {
		if to, err := m.RollbackTarget(given); err == nil {
			t.Errorf("--to %d means %d", given, to)
		}
	}
}

// TestNotCommittedTellsTheTruth: past the marker the machine is not as it was.
func TestNotCommittedTellsTheTruth(t *testing.T) {
	root := t.TempDir()
	m := &Machine{Options: quiet(root), store: generation.Store{Root: root}, journal: commit.Journal{Root: root}}
	cause := errors.New("no space left")
	if err := m.notCommitted(t.Context(), cause, &change{to: 1, want: emptyHost()}); !strings.Contains(err.Error(), "as it was: no space") {
		t.Error(err)
	}
	marker := filepath.Join(root, node.AreaName, "journal", "committed")
	if err := os.MkdirAll(filepath.Dir(marker), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.notCommitted(t.Context(), cause, &change{to: 1, want: emptyHost()}); strings.Contains(err.Error(), "as it was") || !strings.Contains(err.Error(), "hostctl recover") {
		t.Error(err)
	}
}
