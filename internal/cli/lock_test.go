package cli

import (
	"errors"
	"testing"
	"time"
)

// TestServiceWaitsForTheLock: a command that only looks whether the lock is
// free does not make a run fail that was allowed before it.
func TestServiceWaitsForTheLock(t *testing.T) {
	root := t.TempDir()
	unlock, err := takeLock(root, "hostctl switch")
	if err != nil {
		t.Fatal(err)
	}
	var held *exitError
	if _, err := (&env{root: root}).lock(t.Context()); !errors.As(err, &held) || held.code != exitLocked {
		t.Errorf("a command beside it: %v, exit code %d was wanted", err, exitLocked)
	}
	time.AfterFunc(300*time.Millisecond, unlock)
	own, err := (&env{root: root, inService: true}).lock(t.Context())
	if err != nil {
		t.Fatal("a service:", err)
	}
	own()
}
