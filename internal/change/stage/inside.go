package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Inside is the process in the staged root: with phase "packages" it runs
// apt, with "write" it writes everything else and runs the files' checks.
func Inside(ctx context.Context, phase string, in io.Reader, out io.Writer) error {
	unix.Umask(0o022)
	var req Request
	if err := json.NewDecoder(in).Decode(&req); err != nil {
		return fmt.Errorf("internal error: cannot read the stage's job: %w", err)
	}
	req.Want.Origins = req.Origins
	if err := dropCapabilities(phase == "write"); err != nil {
		return err
	}
	if phase == "write" {
		folders, err := notOwned(req.Folders)
		if err != nil {
			return err
		}
		report, err := kind.Stage(ctx, system.Root("/"), kind.Job{
			Plan: req.Plan, Want: req.Want, Prev: req.Prev, Found: req.Found, Folders: folders, PasswordHashes: req.PasswordHashes,
			Blob: func(digest string) ([]byte, error) {
				b, ok := req.Blobs[digest]
				if !ok {
					return nil, fmt.Errorf("internal error: blob %s was not sent to the stage", digest)
				}
				return b, nil
			},
		})
		if err != nil {
			return err
		}
		return tell(report)
	}
	built, err := modulesState(ctx)
	if err != nil {
		return err
	}
	install, remove := debs(insideDebs, req.Plan, req.Lock)
	if err := apt.Apply(ctx, system.Root("/"), install, remove, dependencies(req), out); err != nil {
		return withCompiler(err)
	}
	return buildModules(ctx, built, out)
}

// dependencies are the locked packages that the spec does not name.
func dependencies(req Request) []string {
	var auto []string
	for _, l := range req.Lock {
		if _, declared := req.Want.Packages[l.Name]; !declared {
			auto = append(auto, l.Name)
		}
	}
	return auto
}

// dropCapabilities takes from everything that this process will start what a
// package has no business with on a live kernel (engine rule 14).
func dropCapabilities(keepNetwork bool) error {
	drop := []uintptr{unix.CAP_SYS_MODULE, unix.CAP_SYS_TIME, unix.CAP_SYS_BOOT, unix.CAP_SYS_RAWIO, unix.CAP_NET_ADMIN}
	if keepNetwork {
		drop = slices.DeleteFunc(drop, func(c uintptr) bool { return c == unix.CAP_NET_ADMIN })
	}
	for _, c := range drop {
		// The bounding set is a thread's own; any thread may be the one that forks.
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0, 0); errno == unix.ENOTSUP {
			return errors.New("cannot drop capabilities in the stage: this hostctl was built with cgo; build it with CGO_ENABLED=0")
		} else if errno != 0 {
			return fmt.Errorf("cannot drop capability %d in the stage: %w", c, errno)
		}
	}
	return nil
}

// notOwned leaves out folders that packages have by now.
func notOwned(folders []string) ([]string, error) {
	if len(folders) == 0 {
		return nil, nil
	}
	owned, err := apt.Owned(system.Root("/"))
	return slices.DeleteFunc(folders, func(dir string) bool {
		_, is := owned[dir]
		return is
	}), err
}

// tell writes the result of the process in the staged root to the pipe to which
// Reply writes the reason why there is none.
func tell(report kind.Report) error {
	f := os.NewFile(3, "reply")
	return errors.Join(json.NewEncoder(f).Encode(report), f.Close())
}

// Reply writes the reason of a failure to the pipe that the parent of a
// stage process reads.
func Reply(err error) {
	if f := os.NewFile(3, "reply"); f != nil {
		fmt.Fprint(f, err)
		f.Close()
	}
}
