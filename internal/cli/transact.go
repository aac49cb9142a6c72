package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// route is a way from the current generation to another one, ready to be
// gone: what happens to files, and to accounts.
type route struct {
	id    string // names what serves this transaction alone
	to    int
	fresh *generation.Record // whose nodes wait in their slots; the last edge
	files *transaction.Builder
	users []account.Delta
}

// recorded is the last generation on the way that is on record.
func (r *route) recorded() int {
	if r.fresh != nil {
		return r.fresh.Meta.Parent
	}
	return r.to
}

// way builds the route to a generation, or says why it cannot be gone, before
// any unit is stopped for it: undoing and applying recorded changesets, and
// the fresh one at the end. What changes on the way until it is gone, the
// commit's preflight finds.
func (s *session) way(to int, fresh *generation.Record) (*route, error) {
	// What is kept aside bears the id: with the generation it goes.
	id := fmt.Sprintf("%d-%s", s.current, strconv.FormatInt(time.Now().UnixNano(), 36))
	r := &route{id: id, to: to, fresh: fresh, files: transaction.NewBuilder(s.root, id, s.objects.Get)}
	known, err := s.standIns()
	if err != nil {
		return nil, err
	}
	r.files.StandIns(known)
	if err := s.travel(r.files, r.recorded()); err != nil {
		return nil, err
	}
	if r.users, err = s.accountsTo(r.recorded()); err != nil {
		return nil, err
	}
	if fresh != nil {
		r.files.Forward(fresh.Changeset, true)
		r.users = append(r.users, fresh.Accounts...)
	}
	if err := r.files.Err(); err != nil {
		return nil, err
	}
	return r, s.sound(r)
}

// sound refuses a way that leads to a database of dpkg that is not in order
// (engine rule 17), unless it is the very one that the generation had.
func (s *session) sound(r *route) error {
	root, coming := system.Root(s.root), apt.Coming(r.files.Result())
	disorder := apt.CheckDatabase(root, coming)
	if disorder == nil {
		return nil
	}
	was, err := s.store.Database(r.to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if was != "" {
		is, err := apt.DatabaseDigest(root, coming)
		if is == was || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w\nthat is what dpkg's database would be; undo what was done with dpkg by hand since generation %d, or go on with 'hostctl switch'", disorder, s.current)
}

// transact goes a route, in one transaction.
func (s *session) transact(r *route) (tx *transaction.Tx, err error) {
	unlock, err := account.Lock(system.Root(s.root))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	private := filepath.Join("tx", r.id)
	if err := s.placeAccounts(r.files, private, r.users, r.fresh != nil); err != nil {
		return nil, err
	}
	tx, err = r.files.Tx()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.area(private)))
	}
	tx.Why, tx.From, tx.To = s.commandLine(), s.current, r.to
	tx.Discard = []string{filepath.Join(node.AreaName, private)}
	s.publish(tx, r.fresh)
	if err := s.journal.Commit(tx); err != nil {
		if open, openErr := s.journal.Open(); open == "" && openErr == nil { // nobody comes back to it
			err = errors.Join(err, os.RemoveAll(s.area(private)))
		}
		return tx, err
	}
	return tx, nil
}

// edges does something with each recorded edge on the way from one generation to
// another, in order: those that are undone, then those that are done.
func (s *session) edges(from, to int, do func(n int, undone bool) error) error {
	undo, apply, err := s.store.Route(from, to)
	if err != nil {
		return err
	}
	for i, n := range slices.Concat(undo, apply) {
		if err := do(n, i < len(undo)); err != nil {
			return err
		}
	}
	return nil
}

// travel adds the steps along the recorded edges to generation to.
func (s *session) travel(b *transaction.Builder, to int) error {
	return s.edges(s.current, to, func(n int, undone bool) error {
		changes, err := s.store.Changeset(n)
		switch {
		case err != nil:
			return err
		case undone:
			b.Inverse(changes)
		default:
			b.Forward(changes, false)
		}
		return nil
	})
}

// configTo are the digests of the configuration files along the recorded edges to
// generation to, as they will be there; "" is none.
func (s *session) configTo(to int) (map[string]string, error) {
	out := map[string]string{}
	err := s.edges(s.current, to, func(n int, undone bool) error {
		changes, err := s.store.Changeset(n)
		if err != nil {
			return err
		}
		for _, e := range changes.Entries {
			is := e.After
			if undone {
				is = e.Before
			}
			switch {
			case e.Class != node.Config:
			case is == nil:
				out[e.Path] = ""
			case is.Digest != "":
				out[e.Path] = is.Digest
			default: // a link, or a folder
				delete(out, e.Path)
			}
		}
		return nil
	})
	return out, err
}

// accountsTo is what happens to accounts along the recorded edges to generation to.
func (s *session) accountsTo(to int) ([]account.Delta, error) {
	var deltas []account.Delta
	err := s.edges(s.current, to, func(n int, undone bool) error {
		accounts, err := s.store.Accounts(n)
		if !undone {
			deltas = append(deltas, accounts...)
			return err
		}
		for _, d := range slices.Backward(accounts) {
			deltas = append(deltas, d.Invert())
		}
		return err
	})
	return deltas, err
}

// applied are account files after some changes, one after the other.
func applied(deltas []account.Delta, files account.Files) (account.Files, error) {
	var err error
	for _, d := range deltas {
		if files, err = d.Apply(files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// placeAccounts merges account changes into the live files, entry by entry,
// so that what users and admins changed themselves stays (engine rule 9).
//
// Accounts that come back have the password that they had last. Those that a
// fresh generation makes have the one that it declares.
func (s *session) placeAccounts(b *transaction.Builder, private string, deltas []account.Delta, fresh bool) error {
	live, err := account.Read(system.Root(s.root))
	if err != nil {
		return err
	}
	files, err := applied(deltas, live)
	if err != nil {
		return err
	}
	if files, err = s.keepPasswords(live, files, fresh); err != nil {
		return err
	}
	id, err := node.FSID(s.root)
	if err != nil {
		return err
	}
	for i, path := range account.Paths() {
		if string(files[path]) == string(live[path]) {
			continue
		}
		if err := os.MkdirAll(s.area(private), 0o700); err != nil {
			return err
		}
		slot := filepath.Join(private, strconv.Itoa(i))
		if err := s.writeLike(path, s.area(slot), files[path]); err != nil {
			return err
		}
		b.Place(changeset.Mount{Point: "/", FSID: id}, path, slot)
	}
	return nil
}

func (s *session) keepPasswords(live, next account.Files, fresh bool) (account.Files, error) {
	saved, err := s.savedPasswords()
	if err != nil {
		return nil, err
	}
	with, kept := account.Passwords(live, next, saved)
	b, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	if !maps.Equal(saved, kept) {
		if err := system.WriteFile(s.passwordsPath(), b, 0o600, 0, 0); err != nil {
			return nil, err
		}
	}
	if fresh {
		return next, nil
	}
	return with, nil
}

func (s *session) passwordsPath() string {
	return filepath.Join(s.root, generation.Dir, "passwords.json")
}

// savedPasswords are the shadow(5) lines of accounts that are gone, by name.
func (s *session) savedPasswords() (map[string]string, error) {
	saved := map[string]string{}
	b, err := os.ReadFile(s.passwordsPath())
	if err == nil {
		err = json.Unmarshal(b, &saved)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the passwords of removed accounts: %w", err)
	}
	return saved, nil
}

// writeLike writes data with the metadata of the live file at path.
func (s *session) writeLike(path, to string, data []byte) error {
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	like, err := node.Read(filepath.Join(s.root, path))
	if err != nil {
		return err
	}
	if like == nil {
		return os.Chmod(to, 0o644) // subuid and subgid; the others are always there
	}
	like.MTime = time.Now().UnixNano()
	return node.SetAttr(to, like.Attr)
}

func (s *session) area(path string) string {
	return node.In(s.root, "/", path)
}

// publish says what becomes visible when the files are in place: the record,
// and then the link that names it.
func (s *session) publish(tx *transaction.Tx, fresh *generation.Record) {
	if fresh != nil {
		n := fresh.Meta.Number
		tx.Publish = append(tx.Publish, transaction.Publish{Path: generation.PendingPath(n), Dest: generation.Path(n)})
		tx.Discard = append(tx.Discard, generation.PendingPath(n), generation.Path(n))
		for _, m := range fresh.Changeset.Mounts {
			tx.Discard = append(tx.Discard, filepath.Join(m.Point, node.AreaName, "gen", strconv.Itoa(n)))
		}
	}
	tx.Publish = append(tx.Publish, transaction.Publish{
		Path: generation.CurrentPath, Link: generation.Link(tx.To), Before: generation.Link(tx.From),
	})
}

// begin records generation 0, the machine as it was found, before the first
// change. Its baseline is read while that one is staged; noted waits for it.
func (s *session) begin(name, arch string) (noted func() error, err error) {
	if s.begun {
		return func() error { return nil }, nil
	}
	found := emptyHost()
	found.Name, found.System = name, arch
	zero := &generation.Record{
		Meta: generation.Meta{Number: 0, Parent: -1, Time: time.Now(), User: invoker(), Command: commandLine(), Hostctl: version()},
		Spec: found, Plan: emptyPlan(), Changeset: changeset.New(0),
	}
	at, pending := filepath.Join(s.root, generation.Path(0)), generation.PendingPath(0)
	err = errors.Join(s.store.Adopt(s.adopted), s.store.Write(zero, pending), os.RemoveAll(at)) // of a run that ended before its link
	if err == nil {
		err = errors.Join(os.Rename(filepath.Join(s.root, pending), at), system.SyncDir(filepath.Dir(at)))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot record the machine as it is: %w", err)
	}
	if err := os.Symlink(generation.Link(0), filepath.Join(s.root, generation.CurrentPath)); err != nil {
		return nil, err
	}
	noted = sync.OnceValue(func() error {
		if err := s.takeBaseline(0); err != nil {
			return fmt.Errorf("cannot record the machine as it is: %w", err)
		}
		return nil
	})
	if err := s.load(); err != nil {
		return nil, err
	}
	go noted()
	return noted, nil
}

func emptyPlan() *spec.Plan { return &spec.Plan{Version: spec.Version, Changes: []spec.Change{}} }
