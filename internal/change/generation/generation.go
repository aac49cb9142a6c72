// Package generation keeps the numbered records of what a host was: what,
// when, from which commit, by whom. Generations form a tree: each knows its
// parent, and its changeset is the edge between the two.
package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

const metaVersion = 1

// Dir is where everything is kept, below the root.
const Dir = "/var/lib/hostctl"

// Meta is the part of a record that lists and messages show.
type Meta struct {
	Version    int       `json:"version"`
	Number     int       `json:"number"`
	Parent     int       `json:"parent"` // -1 for generation 0, the machine as it was found
	Time       time.Time `json:"time"`
	Host       string    `json:"host"`
	User       string    `json:"user"`
	Command    string    `json:"command"`
	Commit     string    `json:"commit,omitempty"` // of the flake
	Dirty      bool      `json:"dirty,omitempty"`  // the flake's work tree differed from the commit
	Hostctl    string    `json:"hostctl"`          // version of the binary
	SpecDigest string    `json:"spec_digest"`
	LockDigest string    `json:"lock_digest"`
	Changes    int       `json:"changes"`
	StatePaths []string  `json:"state_paths,omitempty"` // made by this generation, never taken away
	// Absorbed says that apt or dpkg made it, by hand, and hostctl only took
	// note; Lost are then the packages whose former contents are nowhere any
	// more, so that no way leads back past it.
	Absorbed bool     `json:"absorbed,omitempty"`
	Lost     []string `json:"lost,omitempty"`
	Kept     []string `json:"kept,omitempty"` // state paths that the stage would have replaced
	// Folders are those above files of the spec that this generation, or one
	// before it, made: one goes with its last file, if it is empty.
	Folders []string `json:"folders,omitempty"`
	// KeptPackages were to be removed and stayed, as the running kernel does.
	KeptPackages []string `json:"kept_packages,omitempty"`
}

// Record is one generation.
type Record struct {
	Meta      Meta
	Spec      *spec.Host
	Plan      *spec.Plan
	Found     spec.Found // what Spec found where it set something
	Lock      []spec.Locked
	Changeset *changeset.Changeset
	Accounts  []account.Delta       // one after the other: the edge of a deleted parent comes first
	Services  []spec.ServiceRequest // what maintainer scripts asked for
	Boot      []string              // the commands with which they would have changed what the machine boots from
}

// Store is the folder of records of one root.
type Store struct {
	Root    string
	pending bool // reads the records that wait for their transaction
}

// record is the folder of one record, below the root.
func (s Store) record(n int) string {
	if s.pending {
		return PendingPath(n)
	}
	return Path(n)
}

func (s Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.Root, Dir}, elem...)...)
}

// Path is the folder of generation n, below the root.
func Path(n int) string { return filepath.Join(Dir, "generations", strconv.Itoa(n)) }

// PendingPath is where a record waits for its transaction, below the root.
func PendingPath(n int) string { return filepath.Join(Dir, "generations", "."+strconv.Itoa(n)) }

// CurrentPath is the link to the current generation, below the root.
const CurrentPath = Dir + "/current"

// Link is what the link at CurrentPath holds for generation n.
func Link(n int) string { return filepath.Join("generations", strconv.Itoa(n)) }

// Numbers lists the generations, oldest first.
func (s Store) Numbers() ([]int, error) {
	entries, err := os.ReadDir(s.path("generations"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Current is the number of the current generation; ok is false on a machine
// that hostctl has never changed.
func (s Store) Current() (n int, ok bool, err error) {
	link, err := os.Readlink(filepath.Join(s.Root, CurrentPath))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	n, err = strconv.Atoi(filepath.Base(link))
	if err != nil {
		return 0, false, fmt.Errorf("cannot tell the current generation: %s points to %q", CurrentPath, link)
	}
	return n, true, nil
}

// Meta reads the short part of one record.
func (s Store) Meta(n int) (Meta, error) {
	var m Meta
	err := s.read(n, "meta.json", &m)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("cannot find generation %d: 'hostctl generations list' shows those that are there", n)
	}
	if err == nil && m.Version != metaVersion {
		err = fmt.Errorf("cannot read generation %d: its version is %d, this hostctl knows %d", n, m.Version, metaVersion)
	}
	return m, err
}

// Load reads a whole record.
func (s Store) Load(n int) (*Record, error) {
	meta, err := s.Meta(n)
	if err != nil {
		return nil, err
	}
	r := &Record{Meta: meta}
	var parts errgroup.Group
	parts.Go(func() (err error) { r.Changeset, err = s.Changeset(n); return err })
	parts.Go(func() (err error) { r.Spec, err = s.Spec(n); return err })
	parts.Go(func() (err error) { r.Plan, err = s.Plan(n); return err })
	parts.Go(func() (err error) { r.Lock, err = s.Lock(n); return err })
	parts.Go(func() (err error) { r.Accounts, err = s.Accounts(n); return err })
	parts.Go(func() (err error) { r.Services, err = s.Services(n); return err })
	parts.Go(func() (err error) { r.Boot, err = s.Boot(n); return err })
	parts.Go(func() (err error) { r.Found, err = s.Found(n); return err })
	return r, parts.Wait()
}

// Changeset reads what generation n changed on the disk.
func (s Store) Changeset(n int) (*changeset.Changeset, error) {
	b, err := os.ReadFile(filepath.Join(s.Root, s.record(n), "changeset.json"))
	if err != nil {
		return nil, err
	}
	return changeset.Read(b)
}

// Plan reads the plan by which generation n came.
func (s Store) Plan(n int) (*spec.Plan, error) {
	var p *spec.Plan
	err := s.read(n, "plan.json", &p)
	return p, err
}

// Boot reads what generation n would have done to what the machine boots from.
func (s Store) Boot(n int) ([]string, error) {
	var out []string
	err := s.read(n, "boot.json", &out)
	return out, err
}

// Pending reads the record of a generation that waits for its transaction.
// Its error is fs.ErrNotExist where there is none.
func (s Store) Pending(n int) (*Record, error) {
	if _, err := os.Lstat(filepath.Join(s.Root, PendingPath(n))); err != nil {
		return nil, err
	}
	return Store{Root: s.Root, pending: true}.Load(n)
}

// Spec reads what generation n wanted, with the lines that asked for it.
func (s Store) Spec(n int) (*spec.Host, error) {
	var h *spec.Host
	var origins map[spec.ID]spec.Origin
	var both errgroup.Group
	both.Go(func() error { return s.read(n, "origins.json", &origins) })
	both.Go(func() error {
		b, err := os.ReadFile(filepath.Join(s.Root, s.record(n), "spec.json"))
		if err != nil {
			return err
		}
		if h, err = spec.ReadHost(b); err != nil {
			return fmt.Errorf("generation %d: %w", n, err)
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	h.Origins = origins
	h.Blobs = map[string]string{}
	for _, digest := range h.Stored() {
		h.Blobs[digest] = s.path("objects", digest)
	}
	return h, nil
}

// Lock reads the package lock of generation n. That of generation 0 is what
// was installed, with no word about where it came from.
func (s Store) Lock(n int) ([]spec.Locked, error) {
	if n == 0 {
		adopted, err := s.Adopted()
		if err != nil {
			return nil, err
		}
		var lock []spec.Locked
		for _, name := range slices.Sorted(maps.Keys(adopted)) {
			lock = append(lock, spec.Locked{Name: name, Version: adopted[name].Version, Arch: adopted[name].Arch})
		}
		return lock, nil
	}
	b, err := os.ReadFile(filepath.Join(s.Root, s.record(n), "packages.lock"))
	if err != nil {
		return nil, err
	}
	return apt.ParseLock(b)
}

// Accounts reads what generation n did to accounts. It can hold password
// hashes.
func (s Store) Accounts(n int) ([]account.Delta, error) {
	var d []account.Delta
	err := s.read(n, "accounts.json", &d)
	return d, err
}

// Adopt notes which packages were there before hostctl. It outlives
// generation 0.
func (s Store) Adopt(packages map[string]spec.Installed) error {
	if err := os.MkdirAll(s.path(), 0o700); err != nil {
		return err
	}
	return writeJSON(s.path(adoptedFile), packages)
}

const adoptedFile = "adopted.json"

// Services are what maintainer scripts asked of services when generation n was
// staged.
func (s Store) Services(n int) (out []spec.ServiceRequest, err error) {
	err = s.read(n, "services.json", &out)
	return out, err
}

// Adopted reads which packages were there before hostctl.
func (s Store) Adopted() (map[string]spec.Installed, error) {
	b, err := os.ReadFile(s.path(adoptedFile))
	if err != nil {
		return nil, err
	}
	out := map[string]spec.Installed{}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("cannot read which packages were here before hostctl: %w", err)
	}
	return out, nil
}

func (s Store) read(n int, name string, v any) error {
	b, err := os.ReadFile(filepath.Join(s.Root, s.record(n), name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("cannot read %s of generation %d: %w", name, n, err)
	}
	return nil
}

// Write stores a record at a folder below the root (Path or PendingPath),
// root-only: accounts.json can hold password hashes.
func (s Store) Write(r *Record, at string) error {
	r.Meta.Version = metaVersion
	r.Meta.Changes = len(r.Plan.Changes)
	r.Meta.StatePaths, r.Meta.Kept, r.Meta.KeptPackages = r.Changeset.StatePaths(), r.Changeset.Kept, r.Plan.Kept
	canonical, err := r.Spec.Canonical()
	if err != nil {
		return err
	}
	dir := filepath.Join(s.Root, at)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(s.path(), 0o700); err != nil {
		return err
	}
	files := map[string]any{
		"meta.json": r.Meta, "plan.json": r.Plan, "changeset.json": r.Changeset,
		"accounts.json": r.Accounts, "origins.json": r.Spec.Origins,
		"services.json": r.Services, "boot.json": r.Boot, foundFile: r.Found,
	}
	for name, v := range files {
		if err := writeJSON(filepath.Join(dir, name), v); err != nil {
			return err
		}
	}
	if err := system.WriteFile(filepath.Join(dir, "packages.lock"), apt.FormatLock(r.Lock), 0o600, 0, 0); err != nil {
		return err
	}
	return system.WriteFile(filepath.Join(dir, "spec.json"), canonical, 0o600, 0, 0)
}

// Route is the way from one generation to another: up to their nearest
// common ancestor by undoing, then down by applying. To itself no generation
// has a way, nor needs one a record: a machine's first build is made before its
// generation 0 is written.
func (s Store) Route(from, to int) (undo, apply []int, err error) {
	if from == to {
		return nil, nil, nil
	}
	up, err := s.ancestry(from)
	if err != nil {
		return nil, nil, err
	}
	down, err := s.ancestry(to)
	if err != nil {
		return nil, nil, err
	}
	for len(up) > 0 && len(down) > 0 && up[len(up)-1] == down[len(down)-1] {
		up, down = up[:len(up)-1], down[:len(down)-1]
	}
	slices.Reverse(down)
	return up, down, nil
}

// ancestry lists n and its ancestors, nearest first.
func (s Store) ancestry(n int) ([]int, error) {
	var out []int
	for n >= 0 {
		if slices.Contains(out, n) {
			return nil, fmt.Errorf("cannot follow generation %d: its ancestry is a circle", n)
		}
		out = append(out, n)
		m, err := s.Meta(n)
		if err != nil {
			return nil, err
		}
		n = m.Parent
	}
	return out, nil
}

// With returns the record with another plan and other service requests: those
// of a run that reaches the generation again.
func (r *Record) With(p *spec.Plan, services []spec.ServiceRequest) *Record {
	again := *r
	again.Plan, again.Services = p, services
	return &again
}

// Fail marks a generation whose activation did not succeed.
func (s Store) Fail(n int, why string) error {
	return system.WriteFile(filepath.Join(s.Root, Path(n), "failed"), []byte(why+"\n"), 0o600, 0, 0)
}

// Failed says why a generation's activation did not succeed, "" if it did.
func (s Store) Failed(n int) string {
	b, err := os.ReadFile(filepath.Join(s.Root, Path(n), "failed"))
	if err != nil {
		return ""
	}
	return string(b)
}

// SetDatabase notes the digest of dpkg's database of generation n
// (engine rule 17).
func (s Store) SetDatabase(n int, digest string) error {
	return system.WriteFile(filepath.Join(s.Root, Path(n), "database"), []byte(digest+"\n"), 0o600, 0, 0)
}

// Database is what SetDatabase noted; "" for a generation of an older hostctl.
func (s Store) Database(n int) (string, error) {
	b, err := os.ReadFile(filepath.Join(s.Root, Path(n), "database"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// Next is the number that the next generation will have. One that waits for
// the next boot has its number already, and so has one that was built; that of
// a deleted one is not given again, since a number means one thing for ever.
func (s Store) Next() (int, error) {
	numbers, err := s.Numbers()
	if err != nil {
		return 0, err
	}
	deleted, err := s.deleted()
	if err != nil {
		return 0, err
	}
	numbers = append(numbers, deleted)
	at, err := s.AtBoot()
	if at.Waits() {
		numbers = append(numbers, at.Apply)
	}
	if b, err := s.Build(); err != nil {
		return 0, err
	} else if b != nil {
		numbers = append(numbers, b.Number)
	}
	return slices.Max(numbers) + 1, err
}

// DiscardPending deletes records whose transaction was never committed, but
// for one that waits for the next boot, and files whose writing was
// interrupted.
func (s Store) DiscardPending() error {
	at, err := s.AtBoot()
	if err != nil {
		return err
	}
	var errs []error
	for _, pattern := range []string{"generations/.[0-9]*", "generations/" + edgePrefix + "*", "generations/" + gonePrefix + "*",
		".hostctl-*", "generations/*/.hostctl-*", "objects/.new-*"} {
		pending, err := filepath.Glob(s.path(pattern))
		errs = append(errs, err)
		for _, p := range pending {
			if at.Waits() && p == filepath.Join(s.Root, PendingPath(at.Apply)) {
				continue
			}
			errs = append(errs, os.RemoveAll(p))
		}
	}
	return errors.Join(errs...)
}
