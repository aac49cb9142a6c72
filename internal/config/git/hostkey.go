package git

import (
	"errors"
	"fmt"
	"net"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys checks a server's key against known_hosts, and asks for the key types
// that are known for it. Nothing skips the check.
func (l *sshLogin) hostKeys() (ssh.HostKeyCallback, []string, error) {
	var files []string
	for _, file := range l.knownHosts {
		if exists(file) {
			files = append(files, file)
		}
	}
	name := l.host
	if l.alias != "" {
		name = l.alias
	}
	address := net.JoinHostPort(name, l.port)
	if len(files) == 0 {
		return func(_ string, _ net.Addr, key ssh.PublicKey) error { return l.unknownHost(key) }, nil, nil
	}
	db, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the known hosts of ssh: %w", err)
	}
	check := db.HostKeyCallback()
	return func(_ string, remote net.Addr, key ssh.PublicKey) error {
		err := check(address, remote, key)
		var mismatch *knownhosts.KeyError
		var revoked *knownhosts.RevokedError
		switch {
		case errors.As(err, &revoked):
			return fmt.Errorf("the host key of %s is revoked in %s:%d", l.host, revoked.Revoked.Filename, revoked.Revoked.Line)
		case errors.As(err, &mismatch) && len(mismatch.Want) == 0:
			return l.unknownHost(key)
		case errors.As(err, &mismatch):
			known := mismatch.Want[0]
			return fmt.Errorf("the host key of %s is not the one in %s:%d: the server showed %s %s. Somebody may be intercepting the connection; if the owner says that the key is new, remove that line and add the new one",
				l.host, known.Filename, known.Line, key.Type(), ssh.FingerprintSHA256(key))
		}
		return err
	}, db.HostKeyAlgorithms(address), nil
}

func (l *sshLogin) unknownHost(key ssh.PublicKey) error {
	return fmt.Errorf("the host key of %s is in no known_hosts file: the server showed %s %s. Compare that with what its owner publishes, then run 'ssh-keyscan -t %s -p %s %s >>%s'",
		l.host, key.Type(), ssh.FingerprintSHA256(key), keyscanType(key), l.port, l.host, l.knownHosts[0])
}

// keyscanType is ssh-keyscan(1)'s name for a key type.
func keyscanType(key ssh.PublicKey) string {
	switch key.Type() {
	case ssh.KeyAlgoED25519:
		return "ed25519"
	case ssh.KeyAlgoRSA:
		return "rsa"
	}
	return "ecdsa"
}
