// Package stage builds the next state of a root without touching the live
// one: an overlay over every real file system, in which the real apt, dpkg,
// useradd and systemctl run in namespaces of their own, and the changeset
// that comes out of it.
package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// ChildCommand and RunCommand are the hidden arguments with which hostctl
// starts itself as PID 1 of the stage and as the process inside its root.
const (
	ChildCommand = "stage-child"
	RunCommand   = "stage-run"
)

// Request is everything that a stage needs.
type Request struct {
	Root       string
	Generation int // the number that the result will have
	Plan       *spec.Plan
	Want, Prev *spec.Host
	Lock       []spec.Locked
	// PasswordHashes by secret name, for accounts that are created. They
	// travel to the stage over a pipe.
	PasswordHashes map[string]string
	Blobs          map[string][]byte // file sources by digest
	Tombs          account.Tombs
	Found          spec.Found // what Prev found
	Managed        []string   // paths that the wanted or the previous spec owns
	Origins        map[spec.ID]spec.Origin
	Folders        []string // that earlier generations made above files of the previous spec
}

// Result is what a stage leaves: new nodes in the slots of the generation,
// and what they mean.
type Result struct {
	Changeset *changeset.Changeset
	Accounts  account.Delta
	Found     spec.Found // what Want found, kernel parameters apart
	Services  []spec.ServiceRequest
	Boot      []string              // what maintainer scripts wanted to do to what the machine boots from
	Config    map[string]node.Place // by digest, where every config file is that the changeset brings or takes away
	Folders   []string              // made above files of the spec, by this generation or one before it
	// Gone waits until nothing is left of the stage but these nodes. Until then
	// there is time for whatever needs no more than them.
	Gone func() error `json:"-"`
}

// Area is the folder of one generation's slots below a mount point.
func Area(generation int) string { return fmt.Sprintf("gen/%d", generation) }

// Run stages a plan. On any error the live root is untouched and what the
// stage has written is deleted.
func Run(ctx context.Context, req Request, log io.Writer) (*Result, error) {
	mounts, err := findMounts(req.Root)
	if err != nil {
		return nil, err
	}
	needed(mounts, req)
	if err := discard(req.Root, req.Generation); err != nil {
		return nil, err
	}
	disks, err := openDisks(req.Root, mounts)
	if err != nil {
		return nil, err
	}
	defer disks.Close()
	res, err := run(ctx, childJob{Request: req, Mounts: mounts}, log)
	err = sayReadOnly(err, mounts)
	if err == nil {
		err = giveIDs(res, req)
	}
	if err != nil {
		return nil, errors.Join(err, Discard(req.Root, req.Generation))
	}
	res.Gone = sync.OnceValue(func() error { return removeStage(req.Root, mounts) })
	go res.Gone()
	if err := disks.Sync(); err != nil { // no marker for what the disk has not taken
		return nil, errors.Join(err, res.Gone(), Discard(req.Root, req.Generation))
	}
	return res, nil
}

// openDisks opens the file systems that the stage writes to before it does, so
// that an error of writing back is seen whenever it happens (engine rule 26).
func openDisks(root string, mounts []mount) (node.Disks, error) {
	var folders []string
	for _, m := range mounts {
		if m.Overlay {
			folders = append(folders, filepath.Join(root, m.Point))
		}
	}
	return node.OpenDisks(folders)
}

// Discard deletes what an unfinished stage of a generation left on any mount,
// and the packages that it was given.
func Discard(root string, generation int) error {
	return errors.Join(discard(root, generation), DropDebs(root))
}

func discard(root string, generation int) error {
	mounts, err := findMounts(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range mounts {
		if m.Overlay {
			errs = append(errs, removeAll(node.In(root, m.Point, Area(generation))))
		}
	}
	return errors.Join(append(errs, removeStage(root, mounts))...)
}

func removeStage(root string, mounts []mount) error {
	var errs []error
	for _, m := range mounts {
		if m.Overlay || m.Copies {
			errs = append(errs, removeAll(m.stage(root)))
		}
	}
	return errors.Join(errs...)
}

// removeAll is os.RemoveAll of what the programs of a run that was killed may
// still write to: they die because it did, which is a moment later.
func removeAll(path string) error {
	for patience := 10 * time.Second; ; patience -= pause {
		err := os.RemoveAll(path)
		if patience <= 0 || !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(pause)
	}
}

const pause = 50 * time.Millisecond

type childJob struct {
	Request
	Mounts []mount
}

// childResult comes twice where there is a result: with it, and when the slots
// that it names are filled.
type childResult struct {
	Result *Result
	Err    string
}

// run starts PID 1 of the stage and waits for its result on an extra pipe;
// whatever the tools print goes to log.
func run(ctx context.Context, job childJob, log io.Writer) (*Result, error) {
	in, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	// The child dies with the thread that starts it (prctl(2),
	// PR_SET_PDEATHSIG), so that thread has to live as long as hostctl.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", ChildCommand)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{write}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, fmt.Errorf("cannot isolate the stage: %w", err)
	}
	write.Close()
	res, filled := childResult{}, childResult{}
	replies := json.NewDecoder(read)
	err = replies.Decode(&res)
	if err == nil && res.Err == "" {
		err = replies.Decode(&filled)
	}
	read.Close() // nobody writes for ever to what nobody reads
	if ended := cmd.Wait(); err != nil && ended != nil {
		return nil, fmt.Errorf("cannot stage: %w", errors.Join(ctx.Err(), ended))
	}
	if err != nil {
		return nil, fmt.Errorf("internal error: cannot read the stage's result: %w", err)
	}
	if said := res.Err + filled.Err; said != "" {
		return nil, errors.New(said)
	}
	return res.Result, nil
}

// debs returns the packages that a plan installs, as paths below dir, and those
// that it removes.
func debs(dir string, plan *spec.Plan, lock []spec.Locked) (install, remove []string) {
	byName := map[string]spec.Locked{}
	for _, l := range lock {
		byName[l.Name] = l
	}
	for _, c := range plan.Of(spec.KindPackage) {
		if c.Action == spec.Delete {
			remove = append(remove, c.ID.Name)
		} else {
			install = append(install, apt.Taken(dir, byName[c.ID.Name]))
		}
	}
	return install, remove
}
