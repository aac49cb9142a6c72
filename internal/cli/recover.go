package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func newRecover(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "recover",
		Short: "Finish or undo an interrupted run",
		Long: `recover reads the journal of an interrupted switch or rollback. It discards a run
that was interrupted before its commit, because that run never touched the
machine. It finishes a run that was interrupted later, including activation, or
undoes it if it cannot be finished. switch and rollback do the same before they
begin.`,
		Example: "  hostctl recover",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(_ context.Context, s *session) error {
				if n, ok := s.Current(); ok {
					s.say("generation %d is current", n)
				} else {
					s.say("this machine has no generations")
				}
				return nil
			})
		},
	}
}

// changing does something to the machine as the only run that does so, after
// what an earlier run left open was brought to an end.
func (e *env) changing(ctx context.Context, do func(context.Context, *session) error) (err error) {
	defer func() {
		if told := e.tellResult(); told != nil {
			err = errors.Join(err, told)
		}
	}()
	if err := e.recoverAsService(ctx); err != nil {
		return err
	}
	err = e.alone(ctx, do)
	if err != nil || e.asks == "" && e.handed == nil {
		return err
	}
	if e.asks != "" {
		var stop func()
		ctx, stop = e.interruptible(ctx)
		defer stop()
		if err := e.ask(ctx); err != nil {
			return err
		}
	}
	if e.handed == nil {
		return e.alone(ctx, do)
	}
	if e.servable() {
		return e.asService(ctx, e.handed, do)
	}
	e.confirmed, e.handed = e.handed.Confirm, nil
	return e.alone(ctx, do)
}
