package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// request describes an activation; tx is nil before the commit.
func (s *session) request(p *spec.Plan, want *spec.Host, services []spec.ServiceRequest, tx *commit.Tx, healthy map[string]bool) activate.Request {
	req := activate.Request{
		Plan: p, Want: want, Prev: s.prev, Record: services, Healthy: healthy,
		Log: s.stderr, Blob: s.blobOf(want),
	}
	if tx != nil {
		req.Replaced = tx.Touched()
	}
	return req
}

// before remembers which units are well and stops those that the change
// takes away.
func (s *session) before(ctx context.Context, p *spec.Plan, want *spec.Host, services []spec.ServiceRequest) (map[string]bool, error) {
	healthy, err := activate.Health(ctx)
	if err != nil {
		return nil, err
	}
	return healthy, activate.Before(ctx, s.request(p, want, services, nil, healthy))
}

func (s *session) reportActivation(r *activate.Report) {
	for _, w := range r.Warnings {
		s.say("warning: %s", w)
	}
	s.sayPaths("a reboot is needed, these still run as they were", r.Reboot)
}

// lockPackages keeps apt, dpkg and their timers off the machine until the
// change is over (engine-rules 8).
func (s *session) lockPackages(ctx context.Context) (func(), error) {
	return apt.LockLive(ctx, system.Root(s.root), 5*time.Minute, func(holder string) {
		s.say("waiting for %s, which holds dpkg's lock", holder)
	})
}

func (s *session) stageLogPath() string {
	return filepath.Join(s.root, "var/lib/hostctl/stage.log")
}
