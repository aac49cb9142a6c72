// Package vm boots Debian 13 with its own kernel and initramfs in qemu, cuts
// its power, and looks at what a boot makes of the disk. It needs no root on
// the test's side beyond making the first disk, and no loop device.
package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Machine is a virtual machine; its files are in Dir.
type Machine struct {
	Dir   string
	Disk  string   // raw image of its root, or of the first disk
	Log   string   // where to log every write to the disk; "" does not
	Disks []string // raw images of /dev/vdb and on
	// Passphrase is what is typed where the boot asks for one.
	Passphrase string
	// Menu says that the machine boots as a real one does: its firmware starts
	// the boot loader on its disk, and that what its menu names.
	Menu bool
	// Firmware is the variables of its UEFI; "" is a machine with a BIOS.
	Firmware string
	// Screen says that it is a workstation: with a GPU, a keyboard, and the memory
	// and the cores that a desktop takes.
	Screen bool

	accel string
	cmd   *exec.Cmd
	shell net.Conn
	lines *bufio.Reader
}

// accelerator is KVM where it works: a kernel offers it in places where the
// processor then does not do all of it.
func accelerator(ctx context.Context, kernel string) string {
	if _, err := os.Stat("/dev/kvm"); err != nil {
		return "tcg"
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	// A kernel without a root gives up at once, and -no-reboot ends qemu.
	try := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "kvm", "-m", "256", "-display", "none", "-nic", "none", "-no-reboot",
		"-monitor", "none", "-serial", "null", "-kernel", kernel, "-append", "panic=-1")
	if try.Run() != nil {
		return "tcg"
	}
	return "kvm"
}

// console is where the kernel's messages go.
func (m *Machine) console() string { return filepath.Join(m.Dir, "console.log") }

// start boots the disk with more words on the kernel's command line. A disk
// after all others, if there is one, is results.
func (m *Machine) start(ctx context.Context, words string, results string) error {
	var loader []string
	if !m.Menu {
		// ext4 with commit=1 writes out each second how far the steps have come; with
		// its usual 5 a commit that is shorter is on the disk as a whole or not at all.
		kernel, initrd, err := bootFiles(ctx, m.Disk, m.Dir)
		if err != nil {
			return err
		}
		if m.accel == "" {
			m.accel = accelerator(ctx, kernel)
		}
		loader = []string{"-kernel", kernel, "-initrd", initrd, "-append", "root=LABEL=root rootflags=commit=1 ro console=ttyS0 panic=-1 " + words}
	}
	drive := "file=" + m.Disk + ",format=raw,if=virtio,cache=writeback"
	if m.Log != "" {
		if err := os.WriteFile(m.Log, nil, 0o600); err != nil {
			return err
		}
		drive = "driver=blklogwrites,file.driver=file,file.filename=" + m.Disk + ",log.driver=file,log.filename=" + m.Log + ",if=virtio"
	}
	console := filepath.Join(m.Dir, "console")
	if err := os.RemoveAll(m.console()); err != nil { // of the boot before
		return err
	}
	memory, cores := "1536", "1"
	if m.Screen {
		memory, cores = "6144", "2"
	}
	args := []string{
		"-accel", m.accel, "-m", memory, "-smp", cores, "-display", "none", "-nic", "none", "-no-reboot", "-monitor", "none",
		"-chardev", "socket,id=console,path=" + console + ",server=on,wait=off,logfile=" + m.console(), "-serial", "chardev:console",
		"-serial", "unix:" + filepath.Join(m.Dir, "shell") + ",server=on,wait=off",
		"-drive", drive,
	}
	if m.Firmware != "" {
		args = append(args, "-drive", "if=pflash,format=raw,unit=0,readonly=on,file="+firmwareCode, "-drive", "if=pflash,format=raw,unit=1,file="+m.Firmware)
	}
	if m.Screen {
		args = append(args, "-device", "virtio-vga", "-qmp", "unix:"+m.qmp()+",server=on,wait=off")
	}
	if m.Log != "" {
		// The driver adds two parts to each request. One of as many parts as a host takes
		// (IOV_MAX), which only merging makes, fails with them, and the guest sees EIO.
		args = append(args, "-global", "virtio-blk-device.request-merging=off")
	}
	for _, disk := range append(slices.Clone(m.Disks), results) {
		if disk != "" {
			args = append(args, "-drive", "file="+disk+",format=raw,if=virtio,cache=writeback")
		}
	}
	args = append(args, loader...)
	m.cmd = exec.Command("qemu-system-x86_64", args...)
	m.cmd.Stderr = os.Stderr
	return m.cmd.Start()
}

// Boot starts the machine, and returns when systemd says that it runs.
func (m *Machine) Boot(ctx context.Context) error {
	if err := m.start(ctx, "", ""); err != nil {
		return err
	}
	asked := make(chan error, 1)
	if m.Passphrase != "" {
		go func() { asked <- m.unlock(ctx) }()
	}
	started := regexp.MustCompile(`Started .*Shell of the test`)
	// Until then the serial lines are a keyboard of the firmware and of its loader,
	// in whose editor of command lines input often ends, and a screen that stops them
	// where nobody reads; and what is typed too early waits in line.
	for {
		select {
		case err := <-asked:
			if err != nil {
				return err
			}
		default:
		}
		log, err := os.ReadFile(m.console())
		if err == nil && started.Match(log) {
			break
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("cannot boot %s: its shell did not start: %w\n%s", m.Disk, err, log[max(0, len(log)-3000):])
		}
	}
	var err error
	if m.shell, err = net.Dial("unix", filepath.Join(m.Dir, "shell")); err != nil {
		return err
	}
	m.lines = bufio.NewReader(m.shell)
	for {
		out, err := m.Shell(ctx, "systemctl is-system-running || true", time.Minute)
		if err == nil && (strings.Contains(out, "running") || strings.Contains(out, "degraded")) {
			if _, err := fmt.Fprintln(m.shell, "PS1= PS2="); err != nil { // prompts are not output
				return err
			}
			_, err := m.Shell(ctx, "true", time.Minute) // takes the last of them
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			log, _ := os.ReadFile(m.console())
			return fmt.Errorf("cannot boot %s: it still says %q: %w\n%s", m.Disk, out, err, log[max(0, len(log)-3000):])
		}
	}
}

// unlock types the passphrase as soon as the boot asks for it.
func (m *Machine) unlock(ctx context.Context) error {
	// The initramfs of cryptsetup, systemd, and ZFS.
	prompt := regexp.MustCompile(`Please unlock disk|Please enter passphrase|Enter passphrase for`)
	for {
		log, err := os.ReadFile(m.console())
		if err == nil && prompt.Match(log) {
			break
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("cannot unlock %s: the boot did not ask: %w", m.Disk, err)
		}
	}
	keyboard, err := net.Dial("unix", filepath.Join(m.Dir, "console"))
	if err != nil {
		return fmt.Errorf("cannot unlock %s: %w", m.Disk, err)
	}
	defer keyboard.Close()
	if err := pause(ctx, 2*time.Second); err != nil { // it asks, and then it listens
		return err
	}
	if _, err := fmt.Fprintln(keyboard, m.Passphrase); err != nil {
		return err
	}
	// Input that the machine has not read when the line closes is lost. Its output is
	// also in its log, but it waits for a reader.
	_ = keyboard.SetReadDeadline(time.Now().Add(20 * time.Second)) // only a closed line has none
	_, err = io.Copy(io.Discard, keyboard)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// firmwareCode and firmwareVariables are Debian's build of UEFI for machines of
// qemu, and what it remembers when it is new.
const (
	firmwareCode      = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	firmwareVariables = "/usr/share/OVMF/OVMF_VARS_4M.fd"
)

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Shell runs a line in the machine and returns what it printed, within a time.
func (m *Machine) Shell(ctx context.Context, line string, within time.Duration, watch ...func(line string)) (string, error) {
	deadline := time.Now().Add(within)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := m.shell.SetDeadline(deadline); err != nil {
		return "", err
	}
	tag := fmt.Sprintf("end-of-%d", time.Now().UnixNano())
	// The tag is broken in two, so that an echo of the line does not end it.
	if _, err := fmt.Fprintf(m.shell, "(%s\n) 2>&1; code=$?; echo; echo %s''%s $code\n", line, tag[:4], tag[4:]); err != nil {
		return "", err
	}
	var out strings.Builder
	for {
		text, err := m.lines.ReadString('\n')
		if err != nil {
			return out.String(), fmt.Errorf("cannot run %q in the machine: %w\n%s", line, err, out.String())
		}
		text = strings.TrimRight(text, "\r\n")
		if code, ok := strings.CutPrefix(text, tag+" "); ok {
			if code != "0" {
				return out.String(), fmt.Errorf("cannot run %q in the machine: exit code %s\n%s", line, code, out.String())
			}
			return strings.TrimSpace(out.String()), nil
		}
		for _, w := range watch {
			w(text)
		}
		out.WriteString(text + "\n")
	}
}

// PowerOff turns the machine off as its user does.
func (m *Machine) PowerOff(ctx context.Context) error {
	// A shell that is talked to is not ended by SIGTERM.
	if _, err := fmt.Fprintln(m.shell, "systemctl poweroff --no-block; exit"); err != nil {
		return err
	}
	return m.wait(ctx)
}

// Kill pulls the plug.
func (m *Machine) Kill() {
	if m.cmd != nil && m.cmd.ProcessState == nil {
		_ = m.cmd.Process.Kill() // it may have ended by itself
		_ = m.cmd.Wait()
	}
}

func (m *Machine) wait(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- m.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		_ = m.cmd.Process.Kill()
		<-ended
		return fmt.Errorf("cannot wait for %s to turn off: %w", m.Disk, ctx.Err())
	}
}

// Check boots the disk as far as the initramfs and what hostctl does there, and
// returns the manifest of the root that init then finds.
func (m *Machine) Check(ctx context.Context) (string, error) {
	results := filepath.Join(m.Dir, "results")
	if err := os.WriteFile(results, nil, 0o600); err != nil {
		return "", err
	}
	if err := os.Truncate(results, 16<<20); err != nil {
		return "", err
	}
	if err := m.start(ctx, "init=/root/check", results); err != nil {
		return "", err
	}
	if err := m.wait(ctx); err != nil {
		return "", err
	}
	return readManifest(results, m.console())
}

func readManifest(results, console string) (string, error) {
	b, err := os.ReadFile(results)
	if err != nil {
		return "", err
	}
	text, whole := strings.CutPrefix(string(b), "BEGIN\n")
	text, _, ended := strings.Cut(text, "\nEND\n")
	if !whole || !ended {
		log, _ := os.ReadFile(console)
		return "", fmt.Errorf("cannot find a manifest: the boot did not come that far:\n%s", log[max(0, len(log)-3000):])
	}
	return text, nil
}

// bootTime is how long a boot may take on cores that emulate and also do other
// work.
const bootTime = 15 * time.Minute
