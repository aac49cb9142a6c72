package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/spec"
)

// old are the generations beyond the newest keep that were made before then
// and that nothing keeps.
func (m *Machine) old(keep int, before time.Time) ([]int, error) {
	numbers, err := m.store.Numbers()
	if err != nil {
		return nil, err
	}
	var gone []int
	for i := len(numbers) - 1; i >= 0; i-- {
		n := numbers[i]
		if m.store.Failed(n) == "" && keep > 0 {
			keep--
			continue
		}
		why, err := m.stays(n)
		if err != nil {
			return nil, err
		}
		meta, err := m.store.Meta(n)
		if err != nil {
			return nil, err
		}
		if why == "" && meta.Time.Before(before) {
			gone = append(gone, n)
		}
	}
	return gone, nil
}

// bootedFile tells which generation this boot began with. The first run that
// could change it writes it down before it does; /run is empty at boot.
const bootedFile = "run/hostctl-booted"

// noteBooted writes down the generation that is current before the first run
// of a boot that changes the machine.
func (m *Machine) noteBooted() error {
	if !m.Live() {
		return nil
	}
	path := filepath.Join(m.Root, bootedFile)
	if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(m.current)), 0o600)
}

// booted is the generation that this boot began with.
func (m *Machine) booted() (int, error) {
	b, err := os.ReadFile(filepath.Join(m.Root, bootedFile))
	if !m.Live() || errors.Is(err, fs.ErrNotExist) {
		return m.current, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("cannot tell which generation this machine booted: /%s says %q", bootedFile, b)
	}
	return n, nil
}

// managedPaths are the paths that either spec owns.
func managedPaths(hosts ...*spec.Host) []string {
	var out []string
	for _, h := range hosts {
		for path := range h.Files {
			out = append(out, path)
		}
		for name, u := range h.Units {
			if u.Content != "" {
				out = append(out, "/etc/systemd/system/"+name)
			}
			for dropIn := range u.DropIns {
				out = append(out, "/etc/systemd/system/"+name+".d/"+dropIn)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// deletable says why a generation cannot be deleted.
func (m *Machine) deletable(n int) error {
	if _, err := m.store.Meta(n); err != nil {
		return err
	}
	why, err := m.stays(n)
	if err == nil && why != "" {
		err = fmt.Errorf("cannot delete generation %d: it is %s", n, why)
	}
	return err
}

// stays says what keeps a generation, "" for nothing.
func (m *Machine) stays(n int) (string, error) {
	booted, err := m.booted()
	if err != nil {
		return "", err
	}
	at, err := m.store.AtBoot()
	if err != nil {
		return "", err
	}
	reason, pinned := m.store.Pinned(n)
	switch {
	case at.Trial() && n == at.Back:
		return "the one that the next boot goes back to", nil
	case n == m.current:
		return "the current one", nil
	case n == booted:
		return "the one that this machine booted", nil
	case pinned:
		return "pinned (" + reason + "); 'hostctl generations unpin' lets it go", nil
	}
	return "", nil
}
