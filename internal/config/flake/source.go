package flake

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// source is the parsed url of a tree input.
type source struct {
	path   string   // of path: and git+file:, absolute
	remote *url.URL // of git+https: and git+ssh:, without query
	git    bool
	ref    string // a branch, a tag or refs/...; empty for the remote's HEAD
	rev    string // a whole commit hash
	dir    string // of the flake below the tree
}

// errPassword is separate: its diagnostic must not show the source line, and no
// error may quote the url.
var errPassword = errors.New("contains a password")

func parseDebian(name, rest string) (*DebianInput, error) {
	suite, query, _ := strings.Cut(rest, "?")
	if !regexp.MustCompile(`^[a-z][a-z0-9./-]*$`).MatchString(suite) {
		return nil, fmt.Errorf("cannot read debian:%s: %q is not a suite such as trixie or trixie-backports", rest, suite)
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("cannot read debian:%s: %w", rest, err)
	}
	if err := onlyKeys(q, "snapshot"); err != nil {
		return nil, err
	}
	snapshot := q.Get("snapshot")
	if snapshot != "" && !regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z$`).MatchString(snapshot) {
		return nil, fmt.Errorf("cannot read debian:%s: a snapshot is a time such as 20261101T000000Z", rest)
	}
	return &DebianInput{Name: name, Suite: suite, Snapshot: snapshot, Components: []string{"main"}}, nil
}

func onlyKeys(q url.Values, known ...string) error {
	for _, k := range sortedNames(q) {
		if !slices.Contains(known, k) {
			return fmt.Errorf("cannot read the url: it takes ?%s=, not %q", strings.Join(known, "=, ?"), k)
		}
	}
	return nil
}

func parseSource(base, raw string) (source, error) {
	address, query, _ := strings.Cut(raw, "?")
	if mayHoldLogin(address) {
		return source{}, errPassword
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return source{}, fmt.Errorf("cannot read %q: %w", raw, err)
	}
	scheme, rest, _ := strings.Cut(address, ":")
	s := source{ref: q.Get("ref"), rev: q.Get("rev"), dir: q.Get("dir")}
	keys := []string{"dir"}
	switch scheme {
	case "path", "git+file":
		s.git = scheme == "git+file"
		s.path = strings.TrimPrefix(rest, "//")
		if !filepath.IsAbs(s.path) {
			s.path = filepath.Join(base, s.path)
		}
	case "git+https", "git+ssh":
		s.git = true
		if s.remote, err = parseRemote(strings.TrimPrefix(address, "git+")); err != nil {
			return source{}, err
		}
	default:
		return source{}, fmt.Errorf(`cannot read %q: a url must start with "debian:", "path:", "git+file:", "git+https:" or "git+ssh:"`, raw)
	}
	if s.git {
		// shallow is for Nix; hostctl fetches only one commit anyway.
		keys = []string{"ref", "rev", "dir", "shallow"}
	}
	if err := onlyKeys(q, keys...); err != nil {
		return source{}, err
	}
	return s, s.check(raw, q)
}

func (s source) check(raw string, q url.Values) error {
	if s.dir != "" && !filepath.IsLocal(s.dir) {
		return fmt.Errorf("cannot read %q: dir leads out of the input", raw)
	}
	if s.rev != "" && !isCommit(s.rev) {
		return fmt.Errorf("cannot read %q: rev must be a full commit hash of 40 hexadecimal digits; for a branch or a tag write ?ref=", raw)
	}
	if v := q.Get("shallow"); v != "" && v != "1" && v != "0" {
		return fmt.Errorf("cannot read %q: shallow must be 1 or 0", raw)
	}
	return nil
}

func isCommit(rev string) bool { return regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(rev) }

// mayHoldLogin reports whether an address has something before an @ that a server
// would take for a password or a token. Over ssh it is the account, such as git.
func mayHoldLogin(address string) bool {
	scheme, rest, _ := strings.Cut(address, ":")
	if scheme == "path" || scheme == "git+file" {
		return false
	}
	authority, _, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	login, _, has := strings.Cut(authority, "@")
	switch scheme {
	case "git+ssh":
		return has && strings.Contains(login, ":")
	case "git+https":
		return has
	}
	return strings.Contains(address, "@") && !strings.HasPrefix(address, "git@")
}

// withoutLogin is a url that is safe to show, from a lock that anybody may have
// written.
func withoutLogin(raw string) string {
	address, query, _ := strings.Cut(raw, "?")
	at := strings.LastIndex(address, "@")
	if at < 0 || !mayHoldLogin(address) {
		return raw
	}
	scheme, _, _ := strings.Cut(address, ":")
	shown := scheme + "://***" + address[at:]
	if query != "" {
		shown += "?" + query
	}
	return shown
}

// parseRemote reads the address of a git server. The flake and its lock are in git,
// so no password may be in them. Host and user go to ssh(1), whose configuration
// may pass them to a shell (ssh_config(5), Match exec).
func parseRemote(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		if strings.Contains(address, "@") { // the error quotes what may be a password
			return nil, errPassword
		}
		return nil, fmt.Errorf("cannot read %q: %w", address, err)
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		return nil, fmt.Errorf("cannot read git+%s: write a host and a path, git+%s://HOST/PATH", address, u.Scheme)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if (err != nil || ip.Zone() != "") && !regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`).MatchString(u.Hostname()) {
		return nil, fmt.Errorf("cannot read git+%s: %q is not a host name", address, u.Hostname())
	}
	if name := u.User.Username(); name != "" && !regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`).MatchString(name) {
		return nil, fmt.Errorf("cannot read git+%s: %q is not an account name", address, name)
	}
	return u, nil
}

// address is equal for two inputs that are the same repository at the same ref;
// empty for a folder.
func (s source) address() string {
	if s.remote == nil {
		return ""
	}
	path := strings.TrimSuffix(strings.TrimSuffix(s.remote.Path, "/"), ".git")
	return strings.ToLower(s.remote.Host) + path + "?ref=" + s.ref + "&dir=" + s.dir
}
