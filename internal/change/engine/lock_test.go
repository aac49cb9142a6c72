package engine

import (
	"errors"
	"testing"
	"time"
)

// TestServiceWaitsForTheLock: a command that only looks whether the lock is
// free does not make a run fail that was allowed before it.
func TestServiceWaitsForTheLock(t *testing.T) {
	o := quiet(t.TempDir())
	unlock, err := takeLock(o)
	if err != nil {
		t.Fatal(err)
	}
	var held *Error
	if _, err := Lock(t.Context(), o, 0); !errors.As(err, &held) || held.Outcome != Held {
		t.Errorf("a command beside it: %v", err)
	}
	time.AfterFunc(300*time.Millisecond, unlock)
	own, err := Lock(t.Context(), o, 10*time.Second)
	if err != nil {
		t.Fatal("a service:", err)
	}
	own()
}
