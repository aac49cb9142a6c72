package cli

import (
	"fmt"
	"os"
	"path/filepath"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// settled says of a flake that it evaluates, without a warning, to what a
// generation wants. As long as stat(2) says that the flake is what it was,
// hostctl finds that there is nothing to do without an evaluation.
// Whatever is done rests on an evaluation, in which every input is compared with
// the lock.
type settled struct {
	Of    evaluation  `json:"of"`
	Stamp flake.Stamp `json:"stamp"`
}

// evaluation is what was evaluated, by what, and to what.
type evaluation struct {
	Hostctl string `json:"hostctl"` // the program, which the stamp holds too
	Flake   string `json:"flake"`
	Host    string `json:"host"`
	Spec    string `json:"spec"` // digests, as a generation has them
	Lock    string `json:"lock"`
}

// asBefore is what the current generation wants, where the flake says nothing
// else; nil where that is not known.
func (s *session) asBefore() *wanted {
	path, err := s.CachePath("settled")
	if err != nil {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var was settled
	if json.Unmarshal(b, &was) != nil {
		return nil
	}
	now, err := s.evaluation()
	if err != nil || was.Of != now || !was.Stamp.Holds() {
		return nil
	}
	host, lock := s.Wanted()
	return &wanted{Target: engine.Target{Host: host, Lock: lock}}
}

// remember notes that a target which was evaluated is what the current
// generation wants, if it is.
func (s *session) remember(t *wanted, p *spec.Plan) error {
	if host, lock := s.Digests(); s.doubtful || p.SpecDigest != host || p.LockDigest != lock {
		return nil
	}
	of, err := s.evaluation()
	if err != nil {
		return err
	}
	stamp := t.flake.Stamp(t.began, of.Hostctl)
	if stamp == nil {
		return nil
	}
	b, err := json.Marshal(settled{Of: of, Stamp: stamp})
	if err != nil {
		return err
	}
	path, err := s.CachePath("settled")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot remember that there was nothing to do: %w", err)
	}
	return system.StageFile(path, b, 0o600, os.Getuid(), os.Getgid())
}

// evaluation is the one that this command would make, if it led to what the
// current generation wants.
func (s *session) evaluation() (of evaluation, err error) {
	of.Spec, of.Lock = s.Digests()
	if of.Flake, err = filepath.Abs(s.flakeDir); err != nil {
		return of, err
	}
	if of.Host, err = s.hostName(); err != nil {
		return of, err
	}
	of.Hostctl, err = os.Executable()
	return of, err
}
