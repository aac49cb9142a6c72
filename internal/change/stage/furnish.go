package stage

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/spec"
)

const (
	insideDir  = "run/hostctl"
	insideDebs = "/" + insideDir + "/debs"
	policyLog  = insideDir + "/policy.log"
	policyPath = "usr/sbin/policy-rc.d"
)

// policyScript writes down what was asked and denies it (exit 101,
// invoke-rc.d(8)). deb-systemd-invoke(1p) asks for each of its units in turn,
// and for none after the first denial: it is told to go on, to a systemctl
// that does nothing in a chroot. (It calls through a shell.) runit-helper, too,
// leaves its link out when it is denied. invoke-rc.d would go on to init
// scripts.
const policyScript = `#!/bin/sh
echo "$@" >> /` + policyLog + `
pid=$PPID
for parent in caller its-caller; do
	read -r command < /proc/$pid/cmdline
	case $command in *deb-systemd-invoke* | *runit-helper*) exit 0 ;; esac
	read -r _ _ _ pid _ < /proc/$pid/stat
done
exit 101
`

// furnish gives the staged root the kernel's file systems, as little of them
// as maintainer scripts need: no disks, no sysctl, nothing of the live /run
// and /tmp. It reports whether it had to make a file to mount policy-rc.d on.
func (job *childJob) furnish(root string) (madePolicy bool, err error) {
	steps := []func(string) error{furnishProc, furnishSys, furnishDev, furnishTemp, furnishAreas(job.Mounts)}
	for _, step := range steps {
		if err := step(root); err != nil {
			return false, err
		}
	}
	if len(Debs(job.Root, job.Plan, job.Lock)) > 0 {
		if err := os.MkdirAll(filepath.Join(root, insideDebs), 0o755); err != nil {
			return false, err
		}
		if err := bindReadOnly(debsDir(job.Root), filepath.Join(root, insideDebs)); err != nil {
			return false, err
		}
	}
	if job.Root == "/" {
		if err := furnishDisks("/dev", filepath.Join(root, "dev")); err != nil {
			return false, err
		}
	}
	return furnishPolicy(root)
}

func furnishProc(root string) error {
	at := filepath.Join(root, "proc")
	if err := unix.Mount("proc", at, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount /proc in the stage: %w", err)
	}
	for _, p := range []string{"sys", "sysrq-trigger", "irq", "bus"} {
		path := filepath.Join(at, p)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := bindReadOnly(path, path); err != nil {
			return err
		}
	}
	return nil
}

func furnishSys(root string) error {
	at := filepath.Join(root, "sys")
	err := unix.Mount("sysfs", at, "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "")
	if err != nil {
		return fmt.Errorf("cannot mount /sys in the stage: %w", err)
	}
	return nil
}

func furnishDev(root string) error {
	at := filepath.Join(root, "dev")
	if err := mountTmpfs(at, "0755"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		target := filepath.Join(at, name)
		if err := os.WriteFile(target, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot bind /dev/%s into the stage: %w", name, err)
		}
	}
	for _, dir := range []string{"pts", "shm"} {
		if err := os.Mkdir(filepath.Join(at, dir), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("devpts", filepath.Join(at, "pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("cannot mount /dev/pts in the stage: %w", err)
	}
	if err := mountTmpfs(filepath.Join(at, "shm"), "1777"); err != nil {
		return err
	}
	if err := furnishSyslog(at); err != nil {
		return err
	}
	links := map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(at, name)); err != nil {
			return err
		}
	}
	return nil
}

// furnishDisks shows the names and numbers of the machine's disks, which
// scripts compare with what they remember: grub-pc's fails where the disk that
// it was installed on is not there. Nobody can open one: the file system that
// they are on has no devices (mount(8), nodev).
func furnishDisks(live, dev string) error {
	return filepath.WalkDir(live, func(path string, d fs.DirEntry, err error) error {
		rel, to := strings.TrimPrefix(path, live+"/"), filepath.Join(dev, strings.TrimPrefix(path, live))
		switch {
		case errors.Is(err, fs.ErrNotExist) || path == live:
			return nil
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"pts", "shm", "mqueue", "hugepages", "fd", "char"}, rel):
			return fs.SkipDir
		case d.Type()&fs.ModeSymlink != 0 && strings.Contains(rel, "/"): // by-id, and the names of volumes
			return linkAgain(path, to)
		case d.Type()&(fs.ModeDevice|fs.ModeCharDevice) != fs.ModeDevice:
			return nil
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		// A container may make none, and has none.
		if err := unix.Mknod(to, unix.S_IFBLK, int(st.Rdev)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("cannot name %s in the stage: %w", path, err)
		}
		return nil
	})
}

func linkAgain(from, to string) error {
	target, err := os.Readlink(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.Symlink(target, to)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil // it has just gone, or is there already
	}
	return err
}

// furnishSyslog answers at /dev/log: logger(1), through which maintainer
// scripts pipe the output of what they run, ends where nobody listens, and
// takes the program at the other end of the pipe with it. What arrives goes
// to the stage's log until the stage ends.
func furnishSyslog(dev string) error {
	path := filepath.Join(dev, "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("cannot listen at /dev/log in the stage: %w", err)
	}
	go func() {
		buf := make([]byte, 8<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			fmt.Printf("%s\n", bytes.TrimRight(buf[:n], "\n\x00"))
		}
	}()
	return os.Chmod(path, 0o666)
}

func furnishTemp(root string) error {
	if err := mountTmpfs(filepath.Join(root, "run"), "0755"); err != nil {
		return err
	}
	if err := mountTmpfs(filepath.Join(root, "tmp"), "1777"); err != nil {
		return err
	}
	// With /run/systemd/system there, scripts ask for their services through
	// deb-systemd-invoke, and policy-rc.d hears of all of them (engine rule 15).
	for _, dir := range []string{"run/systemd/system", "run/lock", insideDir} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// furnishAreas hides hostctl's own folders: they hold earlier shadow files.
func furnishAreas(mounts []mount) func(string) error {
	return func(root string) error {
		for _, m := range mounts {
			if !m.Overlay {
				continue
			}
			if err := mountTmpfs(node.In(root, m.Point), "0700"); err != nil {
				return err
			}
		}
		return nil
	}
}

func furnishPolicy(root string) (made bool, err error) {
	script := filepath.Join(root, insideDir, "policy-rc.d")
	if err := os.WriteFile(script, []byte(policyScript), 0o755); err != nil {
		return false, err
	}
	target := filepath.Join(root, policyPath)
	if _, err := os.Lstat(target); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(target, nil, 0o755); err != nil {
			return false, err
		}
		made = true
	}
	if err := unix.Mount(script, target, "", unix.MS_BIND, ""); err != nil {
		return made, fmt.Errorf("cannot mount policy-rc.d in the stage: %w", err)
	}
	return made, nil
}

func mountTmpfs(at, mode string) error {
	if err := unix.Mount("tmpfs", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode="+mode); err != nil {
		return fmt.Errorf("cannot mount a tmpfs on %s in the stage: %w", at, err)
	}
	return nil
}

func readPolicyLog(root string) ([]spec.ServiceRequest, error) {
	f, err := os.Open(filepath.Join(root, policyLog))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []spec.ServiceRequest
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// policy-rc.d(5) interface: options, then the name, then the actions.
		fields := strings.Fields(lines.Text())
		for len(fields) > 0 && strings.HasPrefix(fields[0], "--") {
			fields = fields[1:]
		}
		if len(fields) >= 2 {
			out = append(out, spec.ServiceRequest{Unit: fields[0], Action: fields[1]})
		}
	}
	return out, lines.Err()
}
