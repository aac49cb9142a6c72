package caller

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/machine/account"
)

// Person is the account that logged in and now runs hostctl, also through sudo
// and su, and the way by which it came.
func Person() (guard.Person, error) {
	p := guard.Person{Account: os.Getenv("SUDO_USER")}
	if p.Account == "" {
		files, err := account.Read("/")
		if err != nil {
			return p, err
		}
		p.Account = files.Names().User(loginUID())
	}
	var err error
	p.Through, err = sshConnection()
	return p, err
}

// loginUID is as whom the session was logged in (pam_loginuid(8)); without a
// session it is who runs this.
func loginUID() int {
	const nobody = 1<<32 - 1 // (uid_t) -1: there was no login
	b, err := os.ReadFile("/proc/self/loginuid")
	if uid, atoiErr := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32); err == nil && atoiErr == nil && uid != nobody {
		return int(uid)
	}
	return os.Getuid()
}

// sshConnection is this machine's end of the SSH connection that this process
// descends from. Each process on the way up is asked, since sudo and su take
// SSH_CONNECTION (ssh(1)) out of the environment.
func sshConnection() (netip.AddrPort, error) {
	for pid := os.Getpid(); pid > 1; {
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return netip.AddrPort{}, fmt.Errorf("cannot tell how this session came in: %w", err)
		}
		for v := range bytes.SplitSeq(environ, []byte{0}) {
			if at, ok := strings.CutPrefix(string(v), "SSH_CONNECTION="); ok {
				return localEnd(at), nil
			}
		}
		p, err := processOf(pid)
		if err != nil {
			return netip.AddrPort{}, err
		}
		pid = p.parent
	}
	return netip.AddrPort{}, nil
}

// localEnd reads "client port server port"; of another form there is none.
func localEnd(connection string) netip.AddrPort {
	f := strings.Fields(connection)
	if len(f) != 4 {
		return netip.AddrPort{}
	}
	addr, err := netip.ParseAddr(f[2])
	port, err2 := strconv.ParseUint(f[3], 10, 16)
	if err != nil || err2 != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}
