package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/spec"
)

func newBuild(e *env) *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use:   "build",
		Short: "Stage the next generation and keep the stage",
		Long: `build fetches and stages everything that switch would, including the packages'
own scripts, and keeps the result. The running system does not change. As with
switch, changes that somebody made with apt or dpkg become a generation first.

A later switch to the same configuration and package lock, on an unchanged
machine, has nothing left to stage. If anything has changed, switch says what,
deletes the build and stages again. 'hostctl gc' also deletes the build.`,
		Example: "  hostctl build --host server-nix",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(ctx context.Context, s *session) error { return s.runBuild(ctx, verbose) })
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show every dependency, and what apt and the maintainer scripts print")
	return c
}

// built is the JSON form of what build has made.
type built struct {
	Generation int              `json:"generation"`
	Record     string           `json:"record"`
	Size       map[string]int64 `json:"size"` // bytes, by mount point
}

func (s *session) runBuild(ctx context.Context, verbose bool) error {
	target, p, release, err := s.propose(ctx)
	if err != nil {
		return err
	}
	defer release()
	if p.Empty() {
		s.say("nothing to build: %s is what its configuration says", p.Host)
		return nil
	}
	rec, err := s.keepBuild(ctx, target, p, verbose)
	if err != nil {
		return fmt.Errorf("cannot build, nothing on this machine was changed: %w", err)
	}
	points, err := stage.Points(s.root)
	if err != nil {
		return err
	}
	out := built{Generation: rec.Meta.Number, Record: filepath.Join(s.root, generation.BuildPath)}
	if out.Size, err = s.store.Size(rec, points); err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(s.stdout).Encode(out)
	}
	fmt.Fprintf(s.stdout, "Built what would be generation %d; 'hostctl switch' uses it, 'hostctl gc' deletes it.\n", out.Generation)
	for _, point := range sortedKeys(out.Size) {
		fmt.Fprintf(s.stdout, "  %s in %s\n", size(out.Size[point]), filepath.Join(s.root, point, node.AreaName, stage.Area(out.Generation)))
	}
	return nil
}

func (s *session) keepBuild(ctx context.Context, target *wanted, p *spec.Plan, verbose bool) (*generation.Record, error) {
	if err := s.absorb(); err != nil {
		return nil, err
	}
	p.Generation = s.current
	hashes, err := s.provide(ctx, target, p)
	if err != nil {
		return nil, err
	}
	if err := s.dropBuild(); err != nil {
		return nil, err
	}
	rec, err := s.stageNew(ctx, target, p, hashes, verbose)
	if err != nil {
		return nil, err
	}
	number := rec.Meta.Number
	saved, err := s.save(p, target.host, target.lock)
	if err == nil {
		_, err = s.way(number, rec)
	}
	if err == nil {
		err = s.store.KeepBuild(number, saved)
	}
	if err != nil {
		return nil, errors.Join(err, s.dropStaged(number), s.dropBuild())
	}
	return rec, nil
}

// fromBuild is what was built for exactly this change, ready for its
// transaction; nil where nothing was, or something has moved since.
func (s *session) fromBuild(p *spec.Plan, target *wanted) (*generation.Record, error) {
	b, err := s.store.Build()
	if err != nil || b == nil {
		return nil, err
	}
	now, err := spec.BasisOf(target.host, target.lock, s.seen)
	if err != nil {
		return nil, err
	}
	moved := b.Of.Basis.Moved(now)
	if same, err := b.Of.Plan.Same(p); err != nil {
		return nil, err
	} else if !same && len(moved) == 0 {
		moved = append(moved, "the plan is another one")
	}
	if len(moved) > 0 {
		s.say("what was built is out of date, %s", strings.Join(moved, "; "))
		return nil, s.dropBuild()
	}
	rec, err := s.store.TakeBuild(b)
	if err != nil {
		return nil, err
	}
	rec.Meta.Time, rec.Meta.User, rec.Meta.Command = time.Now(), invoker(), s.commandLine()
	if _, err := s.way(b.Number, rec); err != nil {
		s.say("what was built is out of date: %v", err)
		return nil, s.dropStaged(b.Number)
	}
	s.say("generation %d is built already", b.Number)
	return rec, s.store.Write(rec, generation.PendingPath(b.Number))
}

// dropBuild deletes what was built, if anything was.
func (s *session) dropBuild() error {
	b, err := s.store.Build()
	if err != nil || b == nil {
		return err
	}
	return errors.Join(stage.Discard(s.root, b.Number), os.RemoveAll(filepath.Join(s.root, generation.BuildPath)))
}
