// Package engine changes a machine as one thing: it plans the way to a target or
// to a generation, stages, commits, activates, goes back where that fails, and
// brings to an end what an interrupted run left.
package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/blob"
	"github.com/hostctl/hostctl/internal/change/baseline"
	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Machine is a machine: its root, its records, and where it stands.
type Machine struct {
	Options
	store   generation.Store
	journal commit.Journal
	objects blob.Store
	current int                            // generation; 0 on a machine that hostctl never changed
	begun   bool                           // there is a record at all
	prev    *spec.Host                     // what the current generation wanted
	locked  []spec.Locked                  // its lock
	meta    generation.Meta                // its own
	adopted map[string]spec.Installed      // packages that were there before hostctl
	found   spec.Found                     // what prev found where it set something
	early   bool                           // the next boot runs hostctl before PID 1; secure finds out
	reach   []string                       // the points that it can mount by then, if early; secure finds out
	seen    *spec.State                    // the machine, as the last plan found it
	along   map[string]string              // digests of the configuration files that the last plan has from records
	users   account.Files                  // the account files that the last plan has from records
	digests *system.Later[*kind.StatCache] // nil until they are read

	baseline baseline.Baseline
}

// Open reads where a machine stands.
func Open(o Options) (*Machine, error) {
	m := &Machine{
		Options: o, store: generation.Store{Root: o.Root}, journal: commit.Journal{Root: o.Root},
		objects:  blob.Store{Dir: filepath.Join(o.Root, generation.Dir, "objects")},
		baseline: baseline.Baseline{Root: o.Root, Say: o.Out.Say},
	}
	err := m.load()
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; what hostctl keeps of a machine is root's alone, run it with sudo", err)
	}
	return m, err
}
