package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/change/engine"
)

// alone does something as the only run that changes the machine. A service's run was
// allowed already, to the command that started it and gave the lock up for it:
// another command that came in between finds the service there and goes, which takes
// it a moment.
func (e *env) alone(ctx context.Context, do func(context.Context, *session) error) error {
	o, err := e.machine()
	if err != nil {
		return err
	}
	patience := time.Duration(0)
	if e.inService {
		patience = 10 * time.Second
	}
	return engine.Exclusive(ctx, o, patience, func(ctx context.Context, m *engine.Machine) error {
		if e.past { // a recovery could not be cancelled; this can
			var stop func()
			ctx, stop = e.interruptible(ctx)
			defer stop()
		}
		return do(ctx, &session{e, m})
	})
}

// takeLock keeps others from changing the machine.
func (e *env) takeLock(ctx context.Context) (unlock func(), err error) {
	o, err := e.machine()
	if err != nil {
		return nil, err
	}
	return engine.Lock(ctx, o, 0)
}

// uninterrupted makes signals do nothing. Programs that hostctl starts ignore the
// terminal's from then on as hostctl does: they inherit it (signal(7)).
func (e *env) uninterrupted() {
	signal.Ignore(cancelling()...)
	e.past = true
}

// invoker is who asked: the user behind sudo(8), or the one that runs.
func invoker() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Getuid())
}

func commandLine() string { return "hostctl " + strings.Join(os.Args[1:], " ") }
