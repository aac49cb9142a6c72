package login

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// SSHD is what sshd_config(5) says for every connection; what it says for some
// below Match is not in it.
type SSHD struct {
	Ports     []uint16
	Passwords bool     // somebody can log in with one
	KeyFiles  []string // patterns of AuthorizedKeysFile
	rootLogin string
	addresses []netip.AddrPort // of ListenAddress; an invalid one stands for that of a name
	said      map[string][]string
}

const sshdConfig = "/etc/ssh/sshd_config"

// ReadSSHD reads sshd's settings, including those of included files. What is not
// set has sshd's default.
func ReadSSHD(files Files) (*SSHD, error) {
	s := &SSHD{said: map[string][]string{}}
	if err := s.read(files, sshdConfig, 0); err != nil {
		return nil, err
	}
	first := func(key, unsaid string) string {
		if v := s.said[key]; len(v) > 0 {
			return strings.ToLower(v[0])
		}
		return unsaid
	}
	for _, p := range s.said["port"] {
		if n, err := strconv.ParseUint(p, 10, 16); err == nil {
			s.Ports = append(s.Ports, uint16(n))
		}
	}
	if len(s.Ports) == 0 {
		s.Ports = []uint16{22}
	}
	s.listen()
	interactive := first("challengeresponseauthentication", "yes") // its former name
	interactive = first("kbdinteractiveauthentication", interactive)
	s.Passwords = first("passwordauthentication", "yes") == "yes" || interactive == "yes" && first("usepam", "no") == "yes"
	s.rootLogin = first("permitrootlogin", "prohibit-password")
	s.KeyFiles = s.said["authorizedkeysfile"]
	if len(s.KeyFiles) == 0 {
		s.KeyFiles = []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}
	}
	if first("pubkeyauthentication", "yes") == "no" {
		s.KeyFiles = nil
	}
	return s, nil
}

// listen takes the addresses of ListenAddress, each at its own port or at all of
// them.
func (s *SSHD) listen() {
	for _, text := range s.said["listenaddress"] {
		host, port, err := net.SplitHostPort(text)
		ports := s.Ports
		if n, numErr := strconv.ParseUint(port, 10, 16); err == nil && numErr == nil {
			ports = []uint16{uint16(n)}
		} else {
			host = strings.Trim(text, "[]")
		}
		if host == "localhost" {
			host = "127.0.0.1"
		}
		address, _ := netip.ParseAddr(host)
		for _, p := range ports {
			s.addresses = append(s.addresses, netip.AddrPortFrom(address, p))
		}
	}
	if len(s.addresses) > 0 {
		s.Ports = nil
		for _, a := range s.addresses {
			s.Ports = append(s.Ports, a.Port())
		}
	}
}

// Listens reports whether sshd accepts connections to an address of this machine.
// A name in ListenAddress may stand for any address.
func (s *SSHD) Listens(at netip.AddrPort) bool {
	if len(s.addresses) == 0 {
		return slices.Contains(s.Ports, at.Port())
	}
	return slices.ContainsFunc(s.addresses, func(l netip.AddrPort) bool {
		a := l.Addr()
		return l.Port() == at.Port() && (!a.IsValid() || a.WithZone("") == at.Addr().WithZone("") || a.IsUnspecified() && a.Is4() == at.Addr().Is4())
	})
}

// read reads the settings of one file. If a key is set twice, the first counts,
// except for keys that are lists.
func (s *SSHD) read(files Files, name string, depth int) error {
	const deepest = 16 // sshd's own limit of includes in includes
	b, err := files.Read(name)
	if err != nil || depth > deepest {
		return err
	}
	conditional := false
	for line := range strings.Lines(string(b)) {
		words := settingWords(line)
		if len(words) < 2 {
			continue
		}
		key, values := strings.ToLower(words[0]), words[1:]
		switch {
		case key == "match":
			conditional = !strings.EqualFold(values[0], "all")
		case conditional:
		case key == "include":
			if err := s.include(files, values, depth); err != nil {
				return err
			}
		case key == "listenaddress": // an rdomain may follow
			s.said[key] = append(s.said[key], values[0])
		case slices.Contains([]string{"port", "allowusers", "allowgroups", "denyusers", "denygroups"}, key):
			s.said[key] = append(s.said[key], values...)
		case s.said[key] == nil:
			s.said[key] = values
		}
	}
	return nil
}

// include reads the files that patterns name, in byte order; a relative one is
// below /etc/ssh.
func (s *SSHD) include(files Files, patterns []string, depth int) error {
	for _, pattern := range patterns {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(sshdConfig), pattern)
		}
		names, err := files.Names(path.Dir(pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			if ok, _ := path.Match(path.Base(pattern), name); !ok {
				continue
			}
			if err := s.read(files, path.Join(path.Dir(pattern), name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// settingWords are the words of a line: a key and its values, which may be
// quoted, with "=" or blanks between the two.
func settingWords(line string) []string {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return nil
	}
	if end := strings.IndexAny(line, " \t="); end > 0 {
		line = line[:end] + " " + strings.TrimLeft(line[end:], " \t=")
	}
	var words []string
	for _, w := range strings.Fields(line) {
		if w[0] == '#' {
			break
		}
		words = append(words, strings.Trim(w, `"`))
	}
	return words
}

// admits says whether an account may log in with a key.
func (s *SSHD) admits(name string, groups []string) bool {
	if name == "root" && (s.rootLogin == "no" || s.rootLogin == "forced-commands-only") {
		return false
	}
	users := []string{name}
	if named(s.said["denyusers"], users) || named(s.said["denygroups"], groups) {
		return false
	}
	return (s.said["allowusers"] == nil || named(s.said["allowusers"], users)) &&
		(s.said["allowgroups"] == nil || named(s.said["allowgroups"], groups))
}

// named reports whether one of the names fits one of the patterns; from where
// (user@host) is left aside.
func named(patterns, names []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		pattern, _, _ = strings.Cut(pattern, "@")
		return slices.ContainsFunc(names, func(name string) bool { ok, _ := path.Match(pattern, name); return ok })
	})
}
