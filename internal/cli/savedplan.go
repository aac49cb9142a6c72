package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// save is the plan that was just made, with what it rests on.
func (s *session) save(p *spec.Plan, want *spec.Host, lock []spec.Locked) (*spec.SavedPlan, error) {
	saved, err := s.Save(p, want, lock)
	if err != nil {
		return nil, err
	}
	saved.Flake, err = filepath.Abs(s.flakeDir)
	return saved, err
}

// saveTo writes it to a file, which only its owner can read: a plan shows what
// files hold.
func (s *session) saveTo(path string, p *spec.Plan, want *wanted) error {
	saved, err := s.save(p, want.Host, want.Lock)
	if err != nil {
		return err
	}
	b, err := saved.Write()
	if err != nil {
		return err
	}
	if err := system.WriteFile(path, b, 0o600, os.Getuid(), os.Getgid()); err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	s.say("saved as %s; 'hostctl switch %s' does exactly this, or nothing", path, path)
	return nil
}

// planned takes over the plan of the file that an argument names, and its
// flake and host where none are given. In a service the plan is there already.
func (e *env) planned(c *cobra.Command, args []string) error {
	if len(args) == 1 && e.confirmed == nil {
		b, err := os.ReadFile(args[0])
		if err != nil {
			return fmt.Errorf("cannot read the plan: %w", err)
		}
		if e.confirmed, err = spec.ReadSavedPlan(b); err != nil {
			return fmt.Errorf("cannot use %s: %w", args[0], err)
		}
	}
	if e.confirmed == nil {
		return nil
	}
	if !c.Flags().Changed("flake") {
		e.flakeDir = e.confirmed.Flake
	}
	if e.host == "" {
		e.host = e.confirmed.Plan.Host
	}
	return nil
}
