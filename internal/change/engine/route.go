package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hostctl/hostctl/internal/change/accounts"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
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

// way builds the route to a generation, or says why there is none, before
// any unit is stopped for it: undoing and applying recorded changesets, and
// the fresh one at the end. What changes on the way until it is gone, the
// commit's preflight finds.
func (m *Machine) way(to int, fresh *generation.Record) (*route, error) {
	// What is kept aside has the id in its path, and goes with the generation.
	id := fmt.Sprintf("%d-%s", m.current, strconv.FormatInt(time.Now().UnixNano(), 36))
	r := &route{id: id, to: to, fresh: fresh, files: transaction.NewBuilder(m.Root, id, m.objects.Get)}
	known, err := m.store.StandIns()
	if err != nil {
		return nil, err
	}
	r.files.StandIns(known)
	if err := m.travel(r.files, r.recorded()); err != nil {
		return nil, err
	}
	if r.users, err = m.store.AccountsBetween(m.current, r.recorded()); err != nil {
		return nil, err
	}
	if fresh != nil {
		r.files.Forward(fresh.Changeset, true)
		r.users = append(r.users, fresh.Accounts...)
	}
	if err := r.files.Err(); err != nil {
		return nil, err
	}
	return r, m.sound(r)
}

// sound refuses a way that leads to a database of dpkg that is not in order
// (engine rule 17), unless it is the very one that the generation had.
func (m *Machine) sound(r *route) error {
	root, coming := system.Root(m.Root), apt.Coming(r.files.Result())
	disorder := apt.CheckDatabase(root, coming)
	if disorder == nil {
		return nil
	}
	was, err := m.store.Database(r.to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if was != "" {
		is, err := apt.DatabaseDigest(root, coming)
		if is == was || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w\nthat is what dpkg's database would be; undo what was done with dpkg by hand since generation %d, or go on with 'hostctl switch'", disorder, m.current)
}

// transact goes a route, in one transaction.
func (m *Machine) transact(r *route) (tx *transaction.Tx, err error) {
	unlock, err := account.Lock(system.Root(m.Root))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	private := filepath.Join("tx", r.id)
	if err := accounts.Place(m.Root, r.files, private, r.users, r.fresh != nil); err != nil {
		return nil, err
	}
	tx, err = r.files.Tx()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(m.area(private)))
	}
	tx.Why, tx.From, tx.To = m.Command, m.current, r.to
	tx.Discard = []string{filepath.Join(node.AreaName, private)}
	m.publish(tx, r.fresh)
	if err := m.journal.Commit(tx); err != nil {
		if open, openErr := m.journal.Open(); open == "" && openErr == nil { // nobody comes back to it
			err = errors.Join(err, os.RemoveAll(m.area(private)))
		}
		return tx, err
	}
	return tx, nil
}

// travel adds the steps along the recorded edges to generation to.
func (m *Machine) travel(b *transaction.Builder, to int) error {
	return m.store.Edges(m.current, to, func(n int, undone bool) error {
		changes, err := m.store.Changeset(n)
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

// publish says what becomes visible when the files are in place: the record,
// and then the link that names it.
func (m *Machine) publish(tx *transaction.Tx, fresh *generation.Record) {
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
