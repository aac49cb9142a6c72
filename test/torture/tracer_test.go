//go:build amd64

package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// traceJobVar holds the job of a copy of this program that traces hostctl: a
// tracer has to be one thread, and waits for every child that it has.
const traceJobVar = "HOSTCTL_TORTURE_TRACE"

// traceJob says what to do to one run of a program, at which of its calls
// that change something below a folder. strace can inject as well, but counts
// the calls of each thread apart, and Go moves work between threads.
type traceJob struct {
	Below  string
	Calls  string // "all" that change something, those that "allocate", or all that go by "paths"
	At     int    // the call, from 1; 0 only counts
	Do     string // kill, run, or the errno that calls end with
	Sticky bool   // every later call as well ends with the errno
	Run    string // a shell line to run before the call goes on, or the first call after it where it can
	Args   []string
	Report string // where the result goes
}

// traced is the result.
type traced struct {
	Calls int    // that were counted
	Hit   string // the call that something was done to
	Code  int    // exit code, or -1
	Out   string // what it printed
}

// trace runs hostctl and does something to it.
func trace(t *testing.T, job traceJob) traced {
	t.Helper()
	job.Report = filepath.Join(t.TempDir(), "report")
	b, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), traceJobVar+"="+string(b))
	out, err := cmd.CombinedOutput()
	var r traced
	report, readErr := os.ReadFile(job.Report)
	if err := errors.Join(err, readErr, json.Unmarshal(report, &r)); err != nil {
		t.Fatalf("the tracer failed: %v\n%s", err, out)
	}
	r.Out = string(out)
	return r
}

func traceMain(text string) int {
	var job traceJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Unsetenv(traceJobVar)
	tr := &tracer{job: job, inside: map[int]bool{}, failing: map[int]bool{}}
	err := tr.run()
	if err == nil {
		var b []byte
		if b, err = json.Marshal(tr.traced); err == nil {
			err = os.WriteFile(job.Report, b, 0o600)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

type tracer struct {
	traced
	job     traceJob
	leader  int
	inside  map[int]bool // threads between entry and exit of a call
	failing map[int]bool // threads whose call was taken away
}

func (tr *tracer) run() error {
	runtime.LockOSThread()
	cmd := exec.Command(tr.job.Args[0], tr.job.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	tr.leader = cmd.Process.Pid
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(tr.leader, &ws, 0, nil); err != nil {
		return err
	}
	if err := syscall.PtraceSetOptions(tr.leader, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		return err
	}
	if err := syscall.PtraceSyscall(tr.leader, 0); err != nil {
		return err
	}
	for {
		tid, err := syscall.Wait4(-1, &ws, unix.WALL, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		if ws.Exited() || ws.Signaled() {
			if tid != tr.leader {
				continue
			}
			tr.Code = -1
			if ws.Exited() {
				tr.Code = ws.ExitStatus()
			}
			return nil
		}
		if err := tr.stopped(tid, ws); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
}

func (tr *tracer) stopped(tid int, ws syscall.WaitStatus) error {
	sig := ws.StopSignal()
	switch {
	case sig == syscall.SIGTRAP|0x80:
		tr.inside[tid] = !tr.inside[tid]
		if err := tr.call(tid, tr.inside[tid]); err != nil {
			return err
		}
		sig = 0
	case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP: // an event, or a thread's first stop
		sig = 0
	}
	return syscall.PtraceSyscall(tid, int(sig))
}

// call looks at one call, at its entry or its exit.
func (tr *tracer) call(tid int, entry bool) error {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	if !entry {
		if !tr.failing[tid] {
			return nil
		}
		delete(tr.failing, tid)
		regs.Rax = uint64(-int64(errnos()[tr.job.Do]))
		return syscall.PtraceSetRegs(tid, &regs)
	}
	what := tr.counted(tid, &regs)
	if what == "" {
		return nil
	}
	tr.Calls++
	if tr.Calls == tr.job.At {
		tr.Hit = what
	}
	switch {
	case tr.Calls != tr.job.At && (!tr.job.Sticky || tr.job.At == 0 || tr.Calls < tr.job.At):
		return nil
	case tr.job.Do == "kill":
		return syscall.Kill(tr.leader, syscall.SIGKILL)
	case tr.job.Do == "run", tr.job.Do == "lose":
		out, err := exec.Command("sh", "-c", tr.job.Run).CombinedOutput()
		if err != nil && strings.Contains(string(out), "busy") {
			// A file that is open for writing keeps its file system writable: the
			// next call that finds none is interrupted instead.
			tr.job.At++
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %s", tr.job.Run, err, out)
		}
		return nil
	}
	tr.failing[tid] = true
	regs.Orig_rax = ^uint64(0) // no such call
	return syscall.PtraceSetRegs(tid, &regs)
}

func errnos() map[string]syscall.Errno {
	return map[string]syscall.Errno{"ENOSPC": syscall.ENOSPC, "EIO": syscall.EIO, "EROFS": syscall.EROFS, "EDQUOT": syscall.EDQUOT}
}

// change is a call that changes something: which of its arguments are the path or
// descriptor.
type change struct {
	name      string
	fd, path  int // argument numbers, or -1
	allocates bool
}

func changes() map[uint64]change {
	return map[uint64]change{
		unix.SYS_RENAMEAT2: {"renameat2", 0, 1, true}, unix.SYS_RENAMEAT: {"renameat", 0, 1, true}, unix.SYS_RENAME: {"rename", -1, 0, true},
		unix.SYS_MKDIRAT: {"mkdirat", 0, 1, true}, unix.SYS_MKDIR: {"mkdir", -1, 0, true},
		unix.SYS_UNLINKAT: {"unlinkat", 0, 1, false}, unix.SYS_UNLINK: {"unlink", -1, 0, false}, unix.SYS_RMDIR: {"rmdir", -1, 0, false},
		unix.SYS_SYMLINKAT: {"symlinkat", 1, 2, true}, unix.SYS_LINKAT: {"linkat", 2, 3, true},
		unix.SYS_FCHMODAT: {"fchmodat", 0, 1, false}, unix.SYS_FCHOWNAT: {"fchownat", 0, 1, false}, unix.SYS_LCHOWN: {"lchown", -1, 0, false},
		unix.SYS_CHMOD: {"chmod", -1, 0, false}, unix.SYS_FCHMOD: {"fchmod", 0, -1, false}, unix.SYS_FCHOWN: {"fchown", 0, -1, false},
		unix.SYS_UTIMENSAT: {"utimensat", 0, 1, false}, unix.SYS_LSETXATTR: {"lsetxattr", -1, 0, true}, unix.SYS_LREMOVEXATTR: {"lremovexattr", -1, 0, false},
		unix.SYS_FALLOCATE: {"fallocate", 0, -1, true}, unix.SYS_FTRUNCATE: {"ftruncate", 0, -1, false},
		unix.SYS_FSYNC: {"fsync", 0, -1, true}, unix.SYS_FDATASYNC: {"fdatasync", 0, -1, true}, unix.SYS_SYNCFS: {"syncfs", 0, -1, true},
		unix.SYS_WRITE: {"write", 0, -1, true}, unix.SYS_PWRITE64: {"pwrite64", 0, -1, true},
		unix.SYS_OPENAT: {"openat", 0, 1, true},
	}
}

// looks are the calls that find something by its path and leave it as it is.
func looks() map[uint64]change {
	return map[uint64]change{
		unix.SYS_OPENAT2: {"openat2", 0, 1, false}, unix.SYS_NEWFSTATAT: {"newfstatat", 0, 1, false}, unix.SYS_STATX: {"statx", 0, 1, false},
		unix.SYS_LSTAT: {"lstat", -1, 0, false}, unix.SYS_STAT: {"stat", -1, 0, false}, unix.SYS_READLINKAT: {"readlinkat", 0, 1, false},
		unix.SYS_LLISTXATTR: {"llistxattr", -1, 0, false}, unix.SYS_GETDENTS64: {"getdents64", 0, -1, false},
	}
}

// counted names a call that changes something below the folder, "" for any
// other.
func (tr *tracer) counted(tid int, regs *syscall.PtraceRegs) string {
	c, ok := changes()[regs.Orig_rax]
	if tr.job.Calls == "paths" && !ok {
		c, ok = looks()[regs.Orig_rax]
	}
	if !ok || tr.job.Calls == "allocate" && !c.allocates {
		return ""
	}
	args := []uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10}
	if c.name == "openat" && tr.job.Calls != "paths" && args[2]&(unix.O_CREAT|unix.O_TRUNC) == 0 {
		return ""
	}
	if c.name == "renameat2" && tr.job.Calls == "paths" { // from a slot, mostly
		if to := (change{c.name, 2, 3, true}); tr.below(tid, to, args) != "" {
			c = to
		}
	}
	return tr.below(tid, c, args)
}

// below names a call whose path is below the folder, "" for any other.
func (tr *tracer) below(tid int, c change, args []uint64) string {
	path := ""
	if c.path >= 0 {
		path = peekString(tid, args[c.path])
	}
	if !filepath.IsAbs(path) && c.fd >= 0 && int32(args[c.fd]) >= 0 {
		folder, err := os.Readlink("/proc/" + strconv.Itoa(tid) + "/fd/" + strconv.Itoa(int(int32(args[c.fd]))))
		if err != nil {
			return ""
		}
		path = filepath.Join(folder, path)
	}
	if path != tr.job.Below && !strings.HasPrefix(path, tr.job.Below+"/") {
		return ""
	}
	return c.name + " " + strings.TrimPrefix(path, tr.job.Below)
}

func peekString(tid int, at uint64) string {
	var out []byte
	buf := make([]byte, 64)
	for len(out) < unix.PathMax {
		n, err := syscall.PtracePeekData(tid, uintptr(at)+uintptr(len(out)), buf)
		if err != nil && n == 0 {
			return ""
		}
		if i := strings.IndexByte(string(buf[:n]), 0); i >= 0 {
			return string(append(out, buf[:i]...))
		}
		out = append(out, buf[:n]...)
	}
	return ""
}
