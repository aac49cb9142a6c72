package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

// What changes the running system may restart what the user's session hangs
// on: sshd, logind, the network, the display. So it is done by a service of
// its own, which starts with a plan that was confirmed, and the command that
// the user typed only follows it (engine rule 20).

const (
	serviceUnit    = "hostctl-run.service"
	serviceCommand = "service-run"
	serviceDirs    = "/run/hostctl" // one folder in it for each run
)

// job is what a service does: a command line, again, where it was typed, and
// the plan that was confirmed.
type job struct {
	Args    []string        `json:"args"`
	Dir     string          `json:"dir"`
	Env     []string        `json:"env"`
	Confirm *spec.SavedPlan `json:"confirmed,omitempty"` // nil for a recovery
	By      engine.Person   `json:"by"`                  // who confirmed it
}

// servable says whether changes are to be made by a service: this is the
// running system, systemd manages it, and hostctl is not that service.
func (e *env) servable() bool {
	return e.root == "/" && !e.inService && systemd.Manages()
}

// agree says whether a plan waits until the locks are free: for the answer to a
// question, for the service that does it, or both. changing sees to these.
func (s *session) agree(question string, k consent, p *spec.Plan, want *spec.Host, lock []spec.Locked) (waits bool, err error) {
	if question, err = s.wording(question, k, p); err != nil {
		return false, err
	}
	asks, err := s.confirm(question, k.yes)
	if err != nil || !asks && !s.servable() {
		return false, err
	}
	if asks && s.json { // who answers reads no JSON
		if err := render.Text(s.stderr, p, render.Options{Color: color(s.stderr)}); err != nil {
			return false, err
		}
	}
	saved, err := s.save(p, want, lock)
	if err != nil {
		return false, err
	}
	s.handed = &job{Args: os.Args[1:], Confirm: saved}
	if s.Live() {
		s.handed.By, err = engine.Caller()
	}
	return true, err
}

// recoverAsService has a service finish what an earlier run left open: that
// restarts units, too.
func (e *env) recoverAsService(ctx context.Context) error {
	if !e.servable() {
		return nil
	}
	unlock, err := e.takeLock(ctx)
	if err != nil {
		return err
	}
	open, err := engine.WasInterrupted(e.root)
	unlock()
	if err != nil || !open {
		return err
	}
	return e.asService(ctx, &job{Args: []string{"recover"}}, func(context.Context, *session) error { return nil })
}

// asService runs a job as a service, shows what it prints and ends as it does.
// Where systemd cannot start one, do does the same here.
func (e *env) asService(ctx context.Context, j *job, do func(context.Context, *session) error) error {
	e.display, e.tell = nil, nil // each service has steps of its own
	dir, err := j.write()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t := systemd.Transient{
		Unit: serviceUnit, Description: "hostctl changes this machine",
		Stdout: filepath.Join(dir, "stdout"), Stderr: filepath.Join(dir, "stderr"),
		Command: []string{self, serviceCommand, dir},
	}
	// A signal while systemd starts it cancels the service, not the start.
	err = e.start(context.WithoutCancel(ctx), t)
	var refused *engine.Error
	if errors.As(err, &refused) {
		return errors.Join(refused, os.RemoveAll(dir))
	}
	if err != nil {
		e.say("warning: %v; this session does it, and must not end before it is done", err)
		inService, confirmed, by := e.inService, e.confirmed, e.by
		e.inService, e.confirmed, e.by = true, j.Confirm, j.By
		// After a recovery the command itself comes, which nobody has agreed to yet.
		defer func() { e.inService, e.confirmed, e.by = inService, confirmed, by }()
		return errors.Join(os.RemoveAll(dir), e.alone(ctx, do))
	}
	removeRuns(dir)
	f := follower{env: e, dir: dir}
	return f.run(ctx)
}

// start starts the service, unless another run came first: between the lock of
// the command and that of its service there is a moment for it.
func (e *env) start(ctx context.Context, t systemd.Transient) error {
	const tries = 6 // a service that was killed a moment ago is not forgotten at once
	for try := 1; ; try++ {
		err := t.Start(ctx, system.Root(e.root))
		if !errors.Is(err, systemd.ErrRuns) || try == tries {
			return err
		}
		unlock, err := e.takeLock(ctx)
		if err != nil {
			return err
		}
		unlock()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// removeRuns deletes what earlier runs printed that nobody followed to the end.
func removeRuns(but string) {
	dirs, _ := filepath.Glob(filepath.Join(serviceDirs, "run-*")) // the pattern is well formed
	for _, d := range dirs {
		if d != but {
			_ = os.RemoveAll(d) // what stays is on tmpfs
		}
	}
}

// write makes the folder of a run. Only root can look into it: a proxy's
// address in the environment may hold a password.
func (j *job) write() (dir string, err error) {
	if j.Dir, err = os.Getwd(); err != nil {
		return "", err
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "HOSTCTL_") || strings.HasPrefix(name, "LC_") || slices.Contains(passedOn(), strings.ToUpper(name)) {
			j.Env = append(j.Env, v)
		}
	}
	b, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(serviceDirs, 0o700); err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp(serviceDirs, "run-"); err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"job.json": b, "stdout": nil, "stderr": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// passedOn are the variables that a service takes over from the session.
func passedOn() []string {
	return []string{"PATH", "HOME", "USER", "LANG", "SUDO_USER", "SSH_AUTH_SOCK", "XDG_CACHE_HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
}

// follower shows the output of a service until it ends.
type follower struct {
	*env
	dir   string
	read  [2]int64
	shown int64 // of its steps
}

func (f *follower) run(ctx context.Context) error {
	f.past = true // how it ends is the service's to say
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, cancelling()...)
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		signals <- os.Interrupt
	}
	pid, err := systemd.MainPID(context.Background(), serviceUnit)
	if err != nil {
		return fmt.Errorf("%w; it goes on, 'journalctl -u %s' says when it ends", err, serviceUnit)
	}
	process := -1
	if pid != 0 {
		if process, err = unix.PidfdOpen(pid, 0); err == nil {
			defer unix.Close(process)
		} else if !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("cannot follow process %d: %w; it goes on", pid, err)
		}
	}
	for process >= 0 && !ended(process, 30*time.Millisecond) {
		select {
		default:
		case sig := <-signals:
			if sig == unix.SIGHUP { // the session ends
				return &exitError{exitLeft, fmt.Errorf("the session ends; the run goes on as %s, and what it says is in %s", serviceUnit, f.dir)}
			}
			if err := unix.PidfdSendSignal(process, unix.SIGINT, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("cannot interrupt the run: %w", err)
			}
		}
		f.copy()
	}
	f.copy()
	err = f.result()
	return errors.Join(err, os.RemoveAll(f.dir))
}

// ended waits for a while and says whether the process of a descriptor is gone,
// pidfd_open(2).
func ended(process int, wait time.Duration) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, int(wait.Milliseconds()))
	return err == nil && n > 0
}

// copy shows what the service has printed since. A terminal that is gone is
// no reason to stop.
func (f *follower) copy() {
	f.steps()
	for i, to := range []io.Writer{f.stdout, f.stderr} {
		from, err := os.Open(filepath.Join(f.dir, []string{"stdout", "stderr"}[i]))
		if err != nil {
			continue
		}
		if _, err := from.Seek(f.read[i], io.SeekStart); err == nil {
			n, _ := io.Copy(to, from)
			f.read[i] += n
		}
		from.Close()
	}
}

// result ends hostctl as the service ended.
func (f *follower) result() error {
	b, err := os.ReadFile(filepath.Join(f.dir, "exit"))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the run was killed before it ended; 'hostctl recover' finishes or undoes what it began")
	}
	var code int
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d", &code)
	}
	if err != nil {
		return fmt.Errorf("cannot tell how the run ended: %w", err)
	}
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// newServiceRun is what the service runs; nobody types it.
func newServiceRun(e *env) *cobra.Command {
	return &cobra.Command{
		Use: serviceCommand + " DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return runService(c.Context(), e, args[0]) },
	}
}

func runService(ctx context.Context, e *env, dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "job.json"))
	if err != nil {
		return fmt.Errorf("cannot run: 'hostctl switch' starts this by itself: %w", err)
	}
	var j job
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("cannot read %s: %w", filepath.Join(dir, "job.json"), err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "job.json")), os.Chdir(j.Dir)); err != nil {
		return err
	}
	os.Clearenv()
	for _, v := range j.Env {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	os.Args = append(os.Args[:1:1], j.Args...)
	// With --json stdout has its one document, the plan, already.
	own := &env{stdin: e.stdin, stdout: &output{to: e.stdout.to, used: true}, stderr: e.stderr, inService: true, confirmed: j.Confirm, by: j.By, tell: relay(dir)}
	code := execute(ctx, own, j.Args)
	e.past = true // how it ended has been said
	// Written to the end or not at all: half a number is another one.
	temp := filepath.Join(dir, ".exit")
	err = os.WriteFile(temp, fmt.Appendf(nil, "%d\n", code), 0o600)
	if err == nil {
		err = os.Rename(temp, filepath.Join(dir, "exit"))
	}
	return errors.Join(err, codeError(code))
}

func codeError(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}
