package commit

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// preflight refuses, before anything is written, what would fail or lose
// data half-way: a path that is a mount of its own cannot be renamed over
// (EBUSY), and a file that a process has open for writing would take its late
// writes with it into the undo (engine-rules 5, 11).
func (j Journal) preflight(tx *Tx) error {
	leaving := map[uint64]string{}
	touched := map[string]bool{}
	for _, s := range tx.Steps {
		if s.Do != swap {
			continue
		}
		touched[filepath.Join(j.Root, s.Path)] = true
		if s.Out != 0 {
			leaving[s.Out] = filepath.Join(j.Root, s.Path)
		}
	}
	return errors.Join(mountedOn(touched), openForWriting(leaving))
}

func mountedOn(touched map[string]bool) error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close()
	var errs []error
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && touched[fields[4]] {
			errs = append(errs, fmt.Errorf("cannot change %s: something is mounted on it; unmount it first", fields[4]))
		}
	}
	return errors.Join(append(errs, lines.Err())...)
}

func openForWriting(leaving map[uint64]string) error {
	if len(leaving) == 0 {
		return nil
	}
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return err
	}
	var errs []error
	for _, fd := range fds {
		var st, live unix.Stat_t
		// Processes and descriptors come and go while they are looked at.
		if unix.Stat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		path, ok := leaving[st.Ino]
		if !ok || unix.Lstat(path, &live) != nil || live.Dev != st.Dev || !writable(fd) {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm")) // only for the message
		errs = append(errs, fmt.Errorf("cannot change %s: process %s (%s) has it open for writing; stop it first", path, pid, strings.TrimSpace(string(name))))
	}
	return errors.Join(errs...)
}

// writable reads the open flags of a descriptor, proc_pid_fdinfo(5).
func writable(fd string) bool {
	b, err := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(value), 8, 64)
			return err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
		}
	}
	return false
}
