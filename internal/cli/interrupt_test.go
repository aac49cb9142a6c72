package cli

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// Ctrl-C reaches every process of the terminal: a systemctl that dies of it
// would make a good switch look like a failed one.
func TestUninterruptedHoldsForChildren(t *testing.T) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	t.Cleanup(func() { signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) })
	(&env{}).uninterrupted()
	ctx = context.WithoutCancel(ctx)
	for _, name := range []string{"INT", "TERM", "HUP"} {
		if err := exec.CommandContext(ctx, "sh", "-c", "kill -"+name+" $$ $PPID; :").Run(); err != nil {
			t.Errorf("SIG%s: %v", name, err)
		}
	}
	if ctx.Err() != nil {
		t.Error(ctx.Err())
	}
}
