package login

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Listening are the addresses where sshd waits for connections: those of sockets
// of a process called sshd, and of sockets on the ports in its settings, since
// systemd opens these for it if ssh.socket is on.
func Listening(ports []uint16) ([]netip.AddrPort, error) {
	waiting, err := listening()
	if err != nil {
		return nil, err
	}
	held := heldBy("sshd")
	var out []netip.AddrPort
	for inode, at := range waiting {
		if held[inode] || slices.Contains(ports, at.Port()) {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out, nil
}

// Ports are the TCP ports at which anything waits for connections, apart from
// those of the machine itself.
func Ports() ([]netip.AddrPort, error) {
	waiting, err := listening()
	out := slices.SortedFunc(maps.Values(waiting), netip.AddrPort.Compare)
	return slices.DeleteFunc(out, func(at netip.AddrPort) bool { return at.Addr().IsLoopback() }), err
}

// listening are the addresses at which sockets wait, by their inodes.
func listening() (map[string]netip.AddrPort, error) {
	waiting := map[string]netip.AddrPort{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("cannot tell who listens: %w", err)
		}
		if err := sockets(b, waiting); err != nil {
			return nil, fmt.Errorf("cannot tell who listens: %s: %w", table, err)
		}
	}
	return waiting, nil
}

// sockets adds the listening sockets of a table of proc_pid_net(5).
func sockets(table []byte, to map[string]netip.AddrPort) error {
	const local, state, inode, listening = 1, 3, 9, "0A"
	_, rows, _ := strings.Cut(string(table), "\n")
	for line := range strings.Lines(rows) {
		f := strings.Fields(line)
		if len(f) <= inode || f[state] != listening {
			continue
		}
		at, err := address(f[local])
		if err != nil {
			return err
		}
		to[f[inode]] = at
	}
	return nil
}

// address reads 0100007F:0016: words of 32 bits in the machine's byte order, and
// the port.
func address(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(host)
	if err != nil || len(words) != 4 && len(words) != 16 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q has no port", text)
	}
	for i := 0; i < len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	ip, _ := netip.AddrFromSlice(words) // it has one of the two lengths
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), nil
}

// heldBy are the inodes of sockets that processes of a name hold, as far as this
// one may look into them.
func heldBy(name string) map[string]bool {
	held := map[string]bool{}
	processes, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	for _, p := range processes {
		comm, err := os.ReadFile(filepath.Join(p, "comm"))
		if err != nil || strings.TrimSpace(string(comm)) != name {
			continue
		}
		links, _ := filepath.Glob(filepath.Join(p, "fd", "*"))
		for _, l := range links {
			target, _ := os.Readlink(l)
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				held[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	return held
}

// Runs reports whether a process of a name runs.
func Runs(names ...string) bool {
	processes, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is well formed
	return slices.ContainsFunc(processes, func(p string) bool {
		comm, err := os.ReadFile(p)
		return err == nil && slices.Contains(names, strings.TrimSpace(string(comm)))
	})
}
