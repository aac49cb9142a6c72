package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/spec"
)

// consent is what somebody says beforehand to a change.
type consent struct {
	yes           bool
	accept        []string
	confirmWithin time.Duration // goes back by itself, so that a lock-out does not stay
	trial         string        // what to say of that way, where the command has it
}

// acceptLockout is the word for a change that may lock people out.
const acceptLockout = "lockout"

// flags adds --yes and --accept to a command that changes the machine.
func (k *consent) flags(c *cobra.Command) {
	c.Flags().BoolVarP(&k.yes, "yes", "y", false, "do not ask")
	c.Flags().StringSliceVar(&k.accept, "accept", nil, "go ahead although the plan may do this: "+acceptLockout+", keep people from logging in")
}

// lookForLockout says in a plan how it may keep people from logging in.
func (s *session) lookForLockout(ctx context.Context, p *spec.Plan, want *spec.Host) error {
	if p.Empty() || !s.Live() || s.inService {
		return nil // nobody logs in there, or it was agreed to where it was typed
	}
	if os.Geteuid() != 0 {
		s.say("warning: whether this may lock somebody out only root can tell: keys and sudoers are not for others to read")
		return nil
	}
	person, err := engine.Caller()
	if err != nil {
		return err
	}
	p.Lockout, err = s.Lockout(ctx, p, want, person)
	return err
}

// wording is the question before a plan, if nobody has consented: what may lock
// people out needs more than a yes.
func (s *session) wording(question string, k consent, p *spec.Plan) (string, error) {
	for _, word := range k.accept {
		if word != acceptLockout {
			return "", fmt.Errorf("cannot accept %q: --accept knows %s", word, acceptLockout)
		}
	}
	if s.inService {
		return question, nil
	}
	if err := refusal(p); err != nil {
		return "", err
	}
	if len(p.Lockout) == 0 || len(k.accept) > 0 || k.confirmWithin > 0 {
		return question, nil
	}
	if s.agreed == "" && (k.yes || s.confirmed != nil || !terminal(s.stdin)) {
		return "", &exitError{exitRefused, fmt.Errorf("refused, nothing was changed: this may keep people from logging in:\n  %s\n%s--accept %s does it all the same",
			strings.Join(p.Lockout, "\n  "), k.trial, acceptLockout)}
	}
	s.word = acceptLockout
	return question + " It may keep people from logging in (see above).\n" + k.trial + "type 'yes " + acceptLockout + "' to go ahead:", nil
}

// refusal is the error for a plan that may not be carried out.
func refusal(p *spec.Plan) error {
	if len(p.Refused) == 0 {
		return nil
	}
	return &exitError{exitRefused, fmt.Errorf("refused, nothing was changed:\n  %s", strings.Join(p.Refused, "\n  "))}
}

// agreement is what was agreed to of a plan that is about to be carried out, and by
// whom.
func (s *session) agreement(p *spec.Plan, k consent) (a engine.Agreement, err error) {
	a = engine.Agreement{Lockout: p.Lockout, Any: len(k.accept) > 0 || k.confirmWithin > 0, By: s.by}
	if s.confirmed != nil {
		a.Lockout = s.confirmed.Plan.Lockout
	}
	if !s.inService && s.Live() {
		a.By, err = engine.Caller()
	}
	return a, err
}
