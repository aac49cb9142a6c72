package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/hostctl/hostctl/internal/network"
)

// sshTimeout bounds the connection, not the transfer.
const sshTimeout = network.ConnectTime

// sshLogin is how ssh(1) would log in to a host with keys. It is go-git's
// AuthMethod.
type sshLogin struct {
	user, host, port string
	alias            string   // HostKeyAlias
	identities       []string // key files, in order
	onlyIdentities   bool
	nobody           bool   // the url names no user
	agent            string // socket; "" for none
	knownHosts       []string

	tried []string // keys that were offered, for errors
	notes []string // keys that could not be offered
}

// newSSHLogin reads ~/.ssh/config through ssh itself. Without ssh installed, its
// defaults apply.
func newSSHLogin(ctx context.Context, u *url.URL) (*sshLogin, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("cannot find the folder of ssh keys: %w", err)
	}
	l := &sshLogin{
		user: u.User.Username(), host: u.Hostname(), port: u.Port(), agent: os.Getenv("SSH_AUTH_SOCK"),
		nobody:     u.User.Username() == "",
		knownHosts: []string{filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"},
	}
	if err := l.configure(ctx, home); err != nil {
		return nil, err
	}
	if l.user == "" {
		me, err := user.Current()
		if err != nil {
			return nil, fmt.Errorf("cannot tell which user logs in to %s: %w; write git+ssh://git@%s", l.host, err, l.host)
		}
		l.user = me.Username
	}
	if l.port == "" {
		l.port = "22"
	}
	if len(l.identities) == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			l.identities = append(l.identities, filepath.Join(home, ".ssh", name))
		}
	}
	return l, nil
}

func (l *sshLogin) configure(ctx context.Context, home string) error {
	args := []string{"-G"}
	// ssh takes the home folder from passwd(5); the keys here are from HOME.
	if file := filepath.Join(home, ".ssh", "config"); exists(file) {
		args = append(args, "-F", file)
	}
	if l.user != "" {
		args = append(args, "-l", l.user)
	}
	if l.port != "" {
		args = append(args, "-p", l.port)
	}
	alias := l.host
	cmd, done, err := program(ctx, "ssh", append(args, "--", alias)...)
	if err != nil {
		return err
	}
	defer done()
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the ssh configuration for %s: %w: %s", alias, err, strings.TrimSpace(complaint.String()))
	}
	expand := strings.NewReplacer("%%", "%", "%d", home, "%h", l.host, "%r", l.user)
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " ")
		if err := l.set(key, value, home, expand); err != nil {
			return fmt.Errorf("cannot log in to %s: %w", alias, err)
		}
	}
	return nil
}

func (l *sshLogin) set(key, value, home string, expand *strings.Replacer) error {
	path := func(p string) string {
		p = strings.Trim(expand.Replace(p), `"`)
		if rest, ok := strings.CutPrefix(p, "~/"); ok {
			p = filepath.Join(home, rest)
		}
		return p
	}
	switch key {
	case "user":
		l.user = value
	case "hostname":
		l.host = value
	case "port":
		l.port = value
	case "hostkeyalias":
		l.alias = value
	case "identityfile":
		l.identities = append(l.identities, path(value))
	case "identitiesonly":
		l.onlyIdentities = value == "yes"
	case "identityagent":
		switch value {
		case "none":
			l.agent = ""
		case "SSH_AUTH_SOCK":
		default:
			l.agent = os.ExpandEnv(path(value))
		}
	case "userknownhostsfile", "globalknownhostsfile":
		for _, p := range strings.Fields(value) {
			l.knownHosts = append(l.knownHosts, path(p))
		}
	case "proxyjump", "proxycommand":
		if value != "none" {
			return fmt.Errorf("the ssh configuration connects through %s, which hostctl does not support; use a git+file: clone or an https address", key)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// address is the url for go-git, with nothing left to look up.
func (l *sshLogin) address(path string) string {
	return (&url.URL{Scheme: "ssh", User: url.User(l.user), Host: net.JoinHostPort(l.host, l.port), Path: path}).String()
}

// Name is part of go-git's AuthMethod.
func (l *sshLogin) Name() string { return gitssh.PublicKeysCallbackName }

// String is part of go-git's AuthMethod.
func (l *sshLogin) String() string { return "keys of " + l.user }

// ClientConfig is part of go-git's AuthMethod.
func (l *sshLogin) ClientConfig() (*ssh.ClientConfig, error) {
	check, algorithms, err := l.hostKeys()
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User: l.user, Timeout: sshTimeout,
		Auth:            []ssh.AuthMethod{ssh.PublicKeysCallback(l.signers)},
		HostKeyCallback: check, HostKeyAlgorithms: algorithms,
	}, nil
}

// signers are the agent's keys, then those of the key files, as in ssh.
func (l *sshLogin) signers() ([]ssh.Signer, error) {
	l.tried, l.notes = nil, nil
	var signers []ssh.Signer
	seen := map[string]bool{}
	named := l.publicKeys()
	for _, s := range l.agentSigners() {
		id := string(s.PublicKey().Marshal())
		if l.onlyIdentities && !slices.Contains(named, id) {
			continue
		}
		seen[id] = true
		signers = append(signers, s)
		l.tried = append(l.tried, "the agent's "+ssh.FingerprintSHA256(s.PublicKey()))
	}
	for _, file := range l.identities {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var s ssh.Signer
		if err == nil {
			s, err = ssh.ParsePrivateKey(text)
		}
		var locked *ssh.PassphraseMissingError
		switch {
		case errors.As(err, &locked):
			if locked.PublicKey == nil || !seen[string(locked.PublicKey.Marshal())] {
				l.notes = append(l.notes, fmt.Sprintf("%s has a passphrase: give it to the agent with 'ssh-add %s'", file, file))
			}
		case err != nil:
			l.notes = append(l.notes, fmt.Sprintf("cannot read %s as a private key", file))
		case !seen[string(s.PublicKey().Marshal())]:
			signers = append(signers, s)
			l.tried = append(l.tried, file)
		}
	}
	return signers, nil
}

// publicKeys are those next to the key files, by which IdentitiesOnly chooses.
func (l *sshLogin) publicKeys() []string {
	var out []string
	for _, file := range l.identities {
		text, err := os.ReadFile(file + ".pub")
		if err != nil {
			continue
		}
		if key, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
			out = append(out, string(key.Marshal()))
		}
	}
	return out
}

func (l *sshLogin) agentSigners() []ssh.Signer {
	if l.agent == "" {
		return nil
	}
	conn, err := net.Dial("unix", l.agent)
	if err != nil {
		l.notes = append(l.notes, "the agent at SSH_AUTH_SOCK does not answer")
		return nil
	}
	signers, err := agent.NewClient(conn).Signers() // which continue to use the connection
	if err != nil {
		l.notes = append(l.notes, "the agent at SSH_AUTH_SOCK does not list its keys")
	}
	return signers
}

// explain adds to go-git's error what the user can do.
func (l *sshLogin) explain(err error) error {
	if err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		return err
	}
	tried := "there was no key to try"
	if l.nobody {
		l.notes = append(l.notes, fmt.Sprintf("the url names no user, and most servers want git+ssh://git@%s", l.host))
	}
	if len(l.tried) > 0 {
		tried = "it accepts none of: " + strings.Join(l.tried, ", ")
	}
	return fmt.Errorf("%s does not let %q in: %s", l.host, l.user, strings.Join(append([]string{tried}, l.notes...), "; "))
}
