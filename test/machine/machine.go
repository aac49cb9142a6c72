package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bootTimeout is how long a machine may take to reach the state running.
const bootTimeout = 3 * time.Minute

// Machine is one throwaway machine: a root folder, and systemd in it while it
// is booted. It has a network of its own with nothing but a loopback.
type Machine struct {
	Name string
	Root string // its root folder, as this process sees it
	// Init is the first program of the machine, as a path in it, like a kernel's
	// argument init=; "" is systemd.
	Init string

	disk   bool // it has one of its own, mounted at Root
	leader int  // its PID 1, as this process sees it; 0 while it is off
	nspawn int
	exited <-chan error // what nspawn ended with; nil in a machine that Open found
}

func machineDir() string { return filepath.Join(CacheDir(), "machines") }

// New copies the base root to a machine of that name. A machine of the same
// name that an earlier run left is destroyed first.
func New(ctx context.Context, base, name string) (*Machine, error) {
	m, err := empty(name)
	if err != nil {
		return nil, err
	}
	return m, m.copy(ctx, base)
}

// NewOnDisk is New with a fresh ext4 file system for the machine alone. On a shared
// one, each machine is slowed by what earlier ones deleted, because ext4 searches
// for inodes that were not in use five minutes ago.
func NewOnDisk(ctx context.Context, base, name string) (*Machine, error) {
	m, err := empty(name)
	if err != nil {
		return nil, err
	}
	m.disk = true
	// A mounted image no longer has a name, and disappears with the mount.
	const script = `truncate -s 4G "$1" && mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$1" && mount -o loop "$1" "$2"; rc=$?; rm -f "$1"; exit $rc`
	if out, err := exec.CommandContext(ctx, "sh", "-c", script, "sh", m.image(), m.Root).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot make the disk of machine %s: %w: %s", name, err, out)
	}
	return m, m.copy(ctx, base)
}

// image is the disk of NewOnDisk while it is made.
func (m *Machine) image() string { return m.Root + ".img" }

// empty makes the folder of a machine.
func empty(name string) (*Machine, error) {
	m := &Machine{Name: name, Root: filepath.Join(machineDir(), name)}
	if old, err := Open(name); err == nil {
		if err := old.Destroy(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(m.Root, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make machine %s: %w", name, err)
	}
	return m, nil
}

func (m *Machine) copy(ctx context.Context, base string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", base+"/.", m.Root).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot copy the root of machine %s: %w: %s", m.Name, err, out)
	}
	return nil
}

// Sweep destroys the machines of test processes that have ended: those whose name
// ends with the process's number, as NameFor writes it.
func Sweep() error {
	entries, err := os.ReadDir(machineDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		i := strings.LastIndex(e.Name(), "-")
		pid, err := strconv.Atoi(e.Name()[i+1:])
		if !e.IsDir() || i < 0 || err != nil || alive(pid) {
			continue
		}
		m, err := Open(e.Name())
		if err == nil {
			err = m.Destroy()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// NameFor is a name that no other process gives to a machine.
func NameFor(test string) string {
	return strings.NewReplacer("/", "-", "_", "-").Replace(test) + "-" + strconv.Itoa(os.Getpid())
}

// Open finds a machine that another process made.
func Open(name string) (*Machine, error) {
	m := &Machine{Name: name, Root: filepath.Join(machineDir(), name)}
	if _, err := os.Stat(m.Root); err != nil {
		return nil, fmt.Errorf("cannot open machine %s: %w", name, err)
	}
	b, err := os.ReadFile(m.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open machine %s: %w", name, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("cannot open machine %s: its pid file says %q", name, b)
	}
	// Another program may have the number now.
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err == nil && bytes.Contains(cmdline, []byte("\x00"+m.Root+"\x00")) {
		m.nspawn = pid
		m.leader, _ = leaderOf(pid)
	}
	return m, nil
}

func (m *Machine) pidFile() string { return m.Root + ".pid" }

// LogFile is where the machine's console goes.
func (m *Machine) LogFile() string { return m.Root + ".log" }

// Boot starts systemd in the machine and returns when it says that it is
// running; a failed unit is an error that names it.
func (m *Machine) Boot(ctx context.Context) error {
	if err := m.start(); err != nil {
		return fmt.Errorf("cannot start machine %s: %w", m.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	state := ""
	for {
		if m.leader == 0 {
			m.leader, _ = leaderOf(m.nspawn)
		}
		if m.leader != 0 {
			out, _ := m.Command(ctx, "systemctl", "is-system-running").Output()
			state = strings.TrimSpace(string(out))
		}
		switch state {
		case "running":
			return nil
		case "degraded":
			failed, _ := m.Command(ctx, "systemctl", "--failed", "--no-legend", "--plain").Output()
			return fmt.Errorf("cannot boot machine %s cleanly: failed units:\n%s", m.Name, failed)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot boot machine %s: it still says %q after %s: see %s", m.Name, state, bootTimeout, m.LogFile())
		case err := <-m.exited:
			return errors.Join(fmt.Errorf("cannot boot machine %s: systemd-nspawn ended (%v): see %s", m.Name, err, m.LogFile()), m.off())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *Machine) start() error {
	groups, err := m.makeCgroups()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(m.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	// The shell enters the machine's control groups before it becomes nspawn:
	// with --keep-unit two machines would otherwise share one group named
	// payload, and each systemd would kill the other's services.
	script := ""
	for _, g := range groups {
		script += "echo $$ > " + filepath.Join(g, "cgroup.procs") + "\n"
	}
	args := []string{"-c", script + `exec "$@"`, "sh", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
		"--private-network", "--link-journal=no", "--timezone=off", "--resolv-conf=off", "--console=pipe", "--directory", m.Root}
	if m.Init == "" {
		args = append(args, "--boot")
	} else {
		args = append(args, "--", m.Init)
	}
	cmd := exec.Command("sh", args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	m.nspawn, m.leader, m.exited = cmd.Process.Pid, 0, exited
	return os.WriteFile(m.pidFile(), []byte(strconv.Itoa(m.nspawn)), 0o644)
}

// makeCgroups makes a control group for the machine below this process's own,
// in the unified hierarchy and in systemd's own one where there is such.
func (m *Machine) makeCgroups() ([]string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var groups []string
	for line := range strings.Lines(string(b)) {
		hierarchy, path, _ := strings.Cut(strings.TrimSpace(line), "::")
		if named, p, ok := strings.Cut(strings.TrimSpace(line), ":name=systemd:"); ok {
			hierarchy, path = named, p
		}
		mount := ""
		switch {
		case hierarchy == "0" && exists("/sys/fs/cgroup/cgroup.procs"):
			mount = "/sys/fs/cgroup"
		case hierarchy == "0":
			mount = "/sys/fs/cgroup/unified"
		case path != "":
			mount = "/sys/fs/cgroup/systemd"
		}
		if mount == "" || !exists(mount) {
			continue
		}
		group := filepath.Join(mount, path, "hostctl-test-"+m.Name)
		if err := os.MkdirAll(group, 0o755); err != nil {
			return nil, err
		}
		groups = append(groups, group)
	}
	return groups, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Leader is the PID 1 of the machine as this process sees it.
func (m *Machine) Leader() int { return m.leader }

// leaderOf finds the child of nspawn that is PID 1 of a namespace of its own.
func leaderOf(nspawn int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nspawn, nspawn))
	if err != nil {
		return 0, err
	}
	for _, child := range strings.Fields(string(b)) {
		status, err := os.ReadFile("/proc/" + child + "/status")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			pids, ok := strings.CutPrefix(line, "NSpid:")
			if ok && strings.HasSuffix(strings.TrimSpace(pids), "\t1") {
				return strconv.Atoi(child)
			}
		}
	}
	return 0, fmt.Errorf("cannot find the machine's PID 1 below %d", nspawn)
}

// Command prepares a program to run in the booted machine, in all of its
// namespaces and with the environment of a root login.
func (m *Machine) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := append(m.enter(), name)
	return exec.CommandContext(ctx, enter[0], append(enter[1:], args...)...)
}

func (m *Machine) enter() []string {
	return []string{"nsenter", "--target", strconv.Itoa(m.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd",
		"env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "SHELL=/bin/bash",
		"LANG=C.UTF-8", "TERM=" + terminal()}
}

func terminal() string {
	if t := os.Getenv("TERM"); t != "" {
		return t
	}
	return "dumb"
}

// Shell is the command line that opens a root shell in the booted machine.
func (m *Machine) Shell() string { return strings.Join(append(m.enter(), "bash", "-l"), " ") }

// Output runs a program in the machine and returns what it printed; the error
// of a program that failed holds everything it said.
func (m *Machine) Output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := m.Command(ctx, name, args...)
	var out, all bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = &all
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("cannot run %s %s in machine %s: %w\n%s%s", name, strings.Join(args, " "), m.Name, err, out.String(), all.String())
	}
	return out.String(), nil
}

// Reboot asks the machine to reboot and returns when it runs again.
func (m *Machine) Reboot(ctx context.Context) error {
	if _, err := m.Output(ctx, "systemctl", "reboot", "--no-block"); err != nil {
		return err
	}
	if err := m.wait(ctx); err != nil {
		return err
	}
	return m.Boot(ctx)
}

// Kill ends the machine at once, as a power cut does.
func (m *Machine) Kill() error {
	if m.nspawn == 0 {
		return nil
	}
	for _, pid := range []int{m.leader, m.nspawn} {
		if pid == 0 {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("cannot kill machine %s: %w", m.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), bootTimeout)
	defer cancel()
	return m.wait(ctx)
}

// wait returns when nspawn and the machine's PID 1 are gone.
func (m *Machine) wait(ctx context.Context) error {
	for alive(m.nspawn) || alive(m.leader) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot stop machine %s: %w: see %s", m.Name, ctx.Err(), m.LogFile())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return m.off()
}

// alive reports whether pid is a process that has not ended; one that ended
// and waits for its parent to notice counts as ended.
func alive(pid int) bool {
	if pid == 0 {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

func (m *Machine) off() error {
	m.nspawn, m.leader = 0, 0
	if err := os.Remove(m.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Destroy ends the machine and removes everything of it.
func (m *Machine) Destroy() error {
	if err := m.Kill(); err != nil {
		return err
	}
	// EINVAL: it has no disk of its own.
	if err := syscall.Unmount(m.Root, syscall.MNT_DETACH); err != nil && err != syscall.EINVAL && err != syscall.ENOENT {
		return fmt.Errorf("cannot unmount the disk of machine %s: %w", m.Name, err)
	}
	// rm, because a root may hold immutable files and names that only it walks
	// at the speed this needs.
	if out, err := exec.Command("rm", "-rf", "--one-file-system", m.Root, m.image(), m.pidFile(), m.LogFile()).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot remove machine %s: %w: %s", m.Name, err, out)
	}
	groups, err := m.makeCgroups()
	if err != nil {
		return err
	}
	for _, g := range groups {
		removeCgroup(g)
	}
	return nil
}

// removeCgroup removes the group and all below it: rmdir, deepest first.
func removeCgroup(group string) {
	children, err := os.ReadDir(group)
	if err != nil {
		return
	}
	for _, c := range children {
		if c.IsDir() {
			removeCgroup(filepath.Join(group, c.Name()))
		}
	}
	_ = syscall.Rmdir(group) // one that is busy for a moment longer does no harm
}
