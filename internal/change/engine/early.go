package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/early"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/render"
)

// InitName is the name under which hostctl is the init of a machine, or what
// an initramfs runs before that: it brings the root in order first.
const InitName = "hostctl-init"

// Init runs before PID 1 of a root. As PID 1 it becomes the machine's own init
// then, with the same arguments; in an initramfs, with the root's path as the
// only one, it ends. Whatever happens the boot goes on.
func Init(args []string) int {
	shim := os.Getpid() == 1
	root := "/"
	if !shim && len(args) == 2 {
		root = args[1]
	}
	if err := prepareRoot(root, shim); err != nil {
		fmt.Fprintln(early.Log{}, err)
	}
	if !shim {
		return 0
	}
	fmt.Fprintln(early.Log{}, early.Exec(args[1:]))
	return 1
}

func prepareRoot(root string, shim bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error before PID 1: %v", r)
		}
	}()
	if shim {
		if err := early.SetMark(); err != nil {
			fmt.Fprintln(early.Log{}, err)
		}
	}
	proc, err := early.Proc() // hostctl's folder may have to be looked up in it
	if err != nil {
		return err
	}
	if due, err := dueBeforeInit(root); !due {
		return errors.Join(err, proc())
	}
	restore, err := early.Writable(root)
	if err != nil {
		return errors.Join(err, proc())
	}
	unmount, err := early.MountMissing(root, node.AreaName, func(format string, args ...any) { fmt.Fprintf(early.Log{}, format+"\n", args...) })
	if err == nil {
		err = beforeInit(root, early.Log{})
	}
	return errors.Join(err, unmount(), restore(), proc())
}

// dueBeforeInit says whether anything is to be done before PID 1. A machine
// on which nothing is open is not written to.
func dueBeforeInit(root string) (bool, error) {
	open, err := commit.Journal{Root: root}.Open()
	if err != nil {
		return false, err
	}
	next, err := generation.Store{Root: root}.AtBoot()
	return open != "" || next != nil && next.Refused == "", err
}

// beforeInit finishes or undoes an open transaction, and then does what the
// last run left for this boot. Activation is due when systemd runs: the
// journal stays open until then.
func beforeInit(root string, log io.Writer) error {
	m, err := Open(Options{Root: root, Cache: rootsCache, Out: Output{
		Say:  func(format string, args ...any) { fmt.Fprintln(log, render.Message(fmt.Sprintf(format, args...))) },
		Step: func(Step) {}, Still: func() {}, Log: log, Past: func() {},
	}})
	if err != nil {
		return err
	}
	if err := m.releaseModules(); err != nil {
		return err
	}
	missing, err := m.journal.RecoverMounted()
	if err != nil || len(missing) > 0 {
		m.say("an interrupted run is recovered where that can be done before %s is mounted; the rest follows", strings.Join(missing, ", "))
		return err
	}
	outcome, tx, err := m.journal.Recover()
	if err != nil {
		return fmt.Errorf("cannot recover the interrupted run: %w", err)
	}
	if outcome == commit.Finished {
		if err := errors.Join(m.holdModules(tx), m.noteStart(tx)); err != nil {
			return err
		}
	}
	switch outcome {
	case commit.Discarded, commit.Reverted:
		m.say("'%s' was interrupted; it is undone, the machine is at generation %d", tx.Why, tx.From)
	case commit.Finished:
		m.say("'%s' was interrupted after its commit; the files are those of generation %d", tx.Why, tx.To)
	}
	if err := m.load(); err != nil {
		return err
	}
	next, err := m.store.AtBoot()
	if err != nil || next == nil || next.Refused != "" {
		return err
	}
	if !m.begun { // who asked for it had a generation
		next.Refused = fmt.Sprintf("what was left to this boot was not done before PID 1: %s is on a file system that could not be mounted there", generation.Dir)
		return errors.Join(errors.New(next.Refused), m.store.SetAtBoot(next))
	}
	if next.Trial() {
		err = m.endTrial(next)
	} else {
		err = m.applyStaged(next)
	}
	if err == nil {
		return nil
	}
	next.Refused = err.Error()
	err = errors.Join(err, m.store.SetAtBoot(next))
	if open, openErr := m.journal.Open(); openErr != nil || open != "" || next.Trial() {
		return errors.Join(err, openErr) // recovery may still need what was staged
	}
	return errors.Join(err, m.dropStaged(next.Apply))
}

// endTrial goes back from a generation that nobody confirmed.
func (m *Machine) endTrial(next *generation.AtBoot) error {
	if m.current != next.Back {
		m.say("generation %d was on trial; going back to generation %d", m.current, next.Back)
		if err := m.replaceOpen(next.Back, nil, next.Command); err != nil {
			return fmt.Errorf("cannot go back to generation %d: %w", next.Back, err)
		}
	}
	return m.store.SetAtBoot(nil)
}

// applyStaged commits a generation that was staged for this boot. What a crash
// in there leaves is recovered before this is called again.
func (m *Machine) applyStaged(next *generation.AtBoot) error {
	if m.current != next.Apply {
		rec, err := m.store.Pending(next.Apply)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot apply generation %d: an earlier boot tried and undid it", next.Apply)
		}
		if err != nil {
			return err
		}
		m.say("applying generation %d, which was staged for this boot", next.Apply)
		if err := m.replaceOpen(next.Apply, rec, next.Command); err != nil {
			return fmt.Errorf("cannot apply generation %d, the machine is at generation %d: %w", next.Apply, m.current, err)
		}
	}
	if next.Window == 0 {
		return m.store.SetAtBoot(nil)
	}
	return m.store.SetAtBoot(&generation.AtBoot{Back: next.Back, Command: next.Command, Time: next.Time, Window: next.Window})
}

// replaceOpen is transact for a boot: a transaction that awaits its activation
// since before is superseded by this one, whose activation covers both.
func (m *Machine) replaceOpen(to int, fresh *generation.Record, why string) error {
	m.Command = why
	c := &change{to: to, early: true}
	var err error
	if c.route, err = m.way(to, fresh); err != nil {
		return err
	}
	if err := m.apply(context.Background(), c); err != nil {
		return err
	}
	return errors.Join(m.noteStart(c.tx), m.load())
}

// noteStart notes before PID 1 that every unit starts from what a transaction has put
// in place. It stays true for as long as that one is open.
func (m *Machine) noteStart(tx *transaction.Tx) error {
	return system.WriteFile(m.area("started"), []byte(tx.ID+"\n"), 0o600, os.Getuid(), os.Getgid())
}

// startedWith reports whether noteStart has noted that of a transaction.
func (m *Machine) startedWith(tx *transaction.Tx) (bool, error) {
	b, err := os.ReadFile(m.area("started"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return strings.TrimSpace(string(b)) == tx.ID, err
}

// dropStaged deletes a generation that was staged and will not be applied.
func (m *Machine) dropStaged(number int) error {
	return errors.Join(stage.Discard(m.Root, number), m.store.DiscardPending())
}

// keepSelf puts this very program where a boot finds it: what it left in a
// journal no other version has to understand, and being static it runs on a
// root whose libraries are half of one release and half of another.
func (m *Machine) keepSelf() error {
	const own = "/proc/self/exe"
	at := filepath.Join(m.Root, node.AreaName, "hostctl")
	is, err := os.Stat(own)
	if err != nil {
		return err
	}
	if has, err := os.Stat(at); err == nil && has.Size() == is.Size() && has.ModTime().Equal(is.ModTime()) {
		return nil
	}
	if err := copyDurably(own, at, is); err != nil {
		return fmt.Errorf("cannot keep a copy of hostctl for recovery at %s: %w", at, err)
	}
	link := filepath.Join(m.Root, node.AreaName, InitName)
	if err := os.Symlink("hostctl", link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func copyDurably(from, to string, like fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	temp := to + ".new"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(temp, like.ModTime(), like.ModTime()); err != nil {
		return err
	}
	return os.Rename(temp, to)
}
