package cli

import (
	"testing"

	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/generation"
)

// TestRollbackTarget: only leaving --to away means the parent.
func TestRollbackTarget(t *testing.T) {
	s := &session{env: &env{}, store: generation.Store{Root: t.TempDir()}, begun: true, current: 2}
	for n := range 3 {
		rec := &generation.Record{Meta: generation.Meta{Number: n, Parent: n - 1}, Spec: emptyHost(), Plan: emptyPlan(), Changeset: commit.New(n)}
		if err := s.store.Write(rec, generation.Path(n)); err != nil {
			t.Fatal(err)
		}
	}
	for given, want := range map[int]int{parentGeneration: 1, 0: 0, 1: 1} {
		if to, err := s.rollbackTarget(given); err != nil || to != want {
			t.Errorf("--to %d means %d, want %d (%v)", given, to, want, err)
		}
	}
	for _, given := range []int{-3, 2, 7} {
		if to, err := s.rollbackTarget(given); err == nil {
			t.Errorf("--to %d means %d", given, to)
		}
	}
}
