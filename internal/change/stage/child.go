package stage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Child is PID 1 of the stage's namespaces. It stands outside the staged
// root, so that scripts inside know that they are in a chroot
// (engine rule 14), and its death ends everything that they started.
func Child(in io.Reader, out io.Writer) error {
	var job childJob
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return fmt.Errorf("internal error: cannot read the stage's job: %w", err)
	}
	res, fill, err := job.stage()
	if err != nil {
		return json.NewEncoder(out).Encode(childResult{Err: err.Error()})
	}
	// What the slots will hold is known, and takes as long to be told as they
	// take to be filled.
	filled := make(chan error, 1)
	go func() { filled <- fill() }()
	err = json.NewEncoder(out).Encode(childResult{Result: res})
	return errors.Join(err, json.NewEncoder(out).Encode(childResult{Err: text(<-filled)}))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// stage builds the target, and finds out what of it is to go into which slot; fill
// takes it there.
func (job *childJob) stage() (res *Result, fill func() error, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, nil, fmt.Errorf("cannot separate the stage's mounts: %w", err)
	}
	if err := makeStage(job.Root, job.Mounts); err != nil {
		return nil, nil, err
	}
	root := mountPoint(job.Root)
	was, err := takeSnapshot(job)
	if err != nil {
		return nil, nil, err
	}
	copies, err := makeCopies(job.Root, job.Mounts)
	if err != nil {
		return nil, nil, err
	}
	if err := mountOverlays(job.Root, root, job.Mounts); err != nil {
		return nil, nil, err
	}
	policy, err := job.furnish(root)
	if err != nil {
		return nil, nil, err
	}
	tools := &tools{live: job.Root == "/"}
	if len(job.Plan.Of(spec.KindPackage)) > 0 {
		if err := tools.furnish(root); err != nil {
			return nil, nil, err
		}
	}
	before, err := account.Read(system.Root(job.Root))
	if err != nil {
		return nil, nil, err
	}
	report, err := job.runInside(root)
	if err != nil {
		return nil, nil, err
	}
	// Nothing that a script left running may write any more.
	if err := unix.Kill(-1, syscall.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return nil, nil, err
	}
	job.writeBack()
	if err := apt.CheckDatabase(system.Root(root), nil); err != nil {
		return nil, nil, fmt.Errorf("cannot commit this: %w", err)
	}
	after, err := account.Read(system.Root(root))
	if err != nil {
		return nil, nil, err
	}
	services, err := readPolicyLog(root)
	if err != nil {
		return nil, nil, err
	}
	tree, err := system.OpenTree(job.Root)
	if err != nil {
		return nil, nil, err
	}
	defer tree.Close()
	job.Managed = append(job.Managed, report.Folders...)
	b := &builder{job: job, tree: tree, merged: root, was: was, copies: copies, policy: policy}
	if err := b.build(); err != nil {
		return nil, nil, err
	}
	res = &Result{Changeset: b.set, Config: b.config, Accounts: account.Diff(before, after), Found: report.Found, Services: services, Boot: tools.asked(), Folders: report.Folders}
	return res, b.takeUpper, nil
}

// writeBack has the kernel begin to write what the packages brought while it is
// compared. Whether the disks took it is found out in the end, by who had them
// open before (openDisks).
func (job *childJob) writeBack() {
	for _, m := range job.Mounts {
		if !m.Overlay {
			continue
		}
		if f, err := os.Open(m.stage(job.Root)); err == nil {
			go func() {
				_ = unix.Syncfs(int(f.Fd()))
				f.Close()
			}()
		}
	}
}

// runInside runs the packages and then everything else in the staged root.
// The second run keeps CAP_NET_ADMIN, over the stage's own empty network, for
// checks such as nft -c.
func (job *childJob) runInside(root string) (report kind.Report, err error) {
	if len(job.Plan.Of(spec.KindPackage)) > 0 {
		if _, err := job.inside(root, "packages"); err != nil {
			return report, err
		}
		// No disk has to take what is gone before it is written back.
		if err := DropDebs(job.Root); err != nil {
			return report, err
		}
	}
	said, err := job.inside(root, "write")
	if err == nil {
		err = json.Unmarshal(said, &report)
	}
	return report, err
}

// inside runs one phase, and returns what it told.
func (job *childJob) inside(root, phase string) ([]byte, error) {
	in, err := json.Marshal(job.Request)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd := exec.Command("/proc/self/exe", RunCommand, phase)
	cmd.Stdin = strings.NewReader(string(in))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{write}
	cmd.Dir = "/"
	cmd.Env = insideEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, fmt.Errorf("cannot enter the stage: %w", err)
	}
	write.Close()
	said, readErr := io.ReadAll(read)
	if err := errors.Join(readErr, cmd.Wait()); err != nil {
		if len(said) > 0 {
			return nil, errors.New(string(said))
		}
		return nil, fmt.Errorf("cannot stage the %s: %w", phase, err)
	}
	return said, nil
}

// insideEnv is the whole environment of maintainer scripts (engine rules 14,
// 27).
func insideEnv() []string {
	return []string{
		"PATH=/" + toolsDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LC_ALL=C.UTF-8", "SHELL=/bin/sh", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical",
		"UCF_FORCE_CONFFOLD=1", "SYSTEMD_OFFLINE=1",
	}
}
