package commit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func openForWriting(leaving map[uint64]string) error {
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
		errs = append(errs, fmt.Errorf("cannot change %s: process %s (%s) has it open for writing; stop it first", path, pid, comm(pid)))
	}
	return errors.Join(errs...)
}

// locked finds the files among /proc/locks, proc_locks(5). Their inodes are
// enough: a lock on another file system's file of the same number is looked
// at again by its holder's descriptors.
func locked(leaving map[uint64]string) error {
	b, err := os.ReadFile("/proc/locks")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(string(b)) {
		// 1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] == "->" {
			continue
		}
		parts := strings.Split(fields[5], ":")
		ino, err := strconv.ParseUint(parts[len(parts)-1], 10, 64)
		path, ok := leaving[ino]
		if err != nil || !ok || !holdsOpen(fields[4], path) {
			continue
		}
		errs = append(errs, fmt.Errorf("cannot change %s: process %s (%s) has locked it; stop it first", path, fields[4], comm(fields[4])))
	}
	return errors.Join(errs...)
}

// holdsOpen reports whether a process has this very file open. A lock of an
// open file description has no process, -1: any that has it open can be the
// one. Whoever may read a file can lock it: one that is neither its owner's nor
// root's keeps nobody from replacing it.
func holdsOpen(pid, path string) bool {
	var live, st unix.Stat_t
	if pid == "-1" {
		pid = "[0-9]*"
	}
	fds, err := filepath.Glob(filepath.Join("/proc", pid, "fd", "*"))
	if err != nil || unix.Lstat(path, &live) != nil {
		return false
	}
	for _, fd := range fds {
		if unix.Stat(fd, &st) == nil && st.Ino == live.Ino && st.Dev == live.Dev {
			if uid := userOf(strings.Split(fd, "/")[2]); uid == 0 || uid == int(live.Uid) {
				return true
			}
		}
	}
	return false
}

// userOf is the effective user of a process, proc_pid_status(5), -1 where it has
// ended. The owner of its folder is another for one that may not be looked into.
func userOf(pid string) int {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(b)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			if fields := strings.Fields(ids); len(fields) > 1 { // real, effective
				if uid, err := strconv.Atoi(fields[1]); err == nil {
					return uid
				}
			}
		}
	}
	return -1
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
