package git

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport/http"
)

// credential is the login for an https server and its source, or nil. Like git, it
// looks into ~/.netrc and asks git's credential helpers; it never asks a person. No
// part of a login may reach an error or a command line.
func credential(ctx context.Context, u *url.URL) (from string, auth *http.BasicAuth) {
	if home, err := os.UserHomeDir(); err == nil {
		if text, err := os.ReadFile(filepath.Join(home, ".netrc")); err == nil {
			if auth := netrc(string(text), u.Hostname()); auth != nil {
				return "~/.netrc", auth
			}
		}
	}
	return "git's credential helper", askGit(ctx, u)
}

// netrc finds the login of a host.
func netrc(text, host string) *http.BasicAuth {
	var found []http.BasicAuth
	matches := false
	words := netrcWords(text)
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "default":
			matches = true
			found = append(found, http.BasicAuth{})
			continue
		case "machine":
			if matches = value == host; matches {
				found = append(found, http.BasicAuth{})
			}
		case "login":
			if matches {
				found[len(found)-1].Username = value
			}
		case "password":
			if matches {
				found[len(found)-1].Password = value
			}
		}
		i++
	}
	for _, auth := range found {
		if auth.Password != "" {
			return &auth
		}
	}
	return nil
}

// netrcWords leaves out comments, and macros, which end with an empty line.
func netrcWords(text string) []string {
	var words []string
	macro := false
	for line := range strings.Lines(text) {
		if macro = macro && strings.TrimSpace(line) != ""; macro {
			continue
		}
		line, _, _ = strings.Cut(" "+line, " #")
		line, _, macro = strings.Cut(line, " macdef ")
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// askGit runs git credential fill without a terminal. It is nil if there is no git,
// no helper, or the helper knows nothing. The configuration of the user and the
// machine names the helper, never that of a repository.
func askGit(ctx context.Context, u *url.URL) *http.BasicAuth {
	cmd, done, err := program(ctx, "git", "-c", "safe.bareRepository=explicit", "credential", "fill")
	if err != nil {
		return nil
	}
	defer done()
	cmd.Env = append(cmd.Env, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "GCM_INTERACTIVE=never")
	ask := "protocol=" + u.Scheme + "\nhost=" + u.Host + "\npath=" + strings.TrimPrefix(u.Path, "/") + "\n"
	cmd.Stdin = strings.NewReader(ask + "\n")
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	auth := &http.BasicAuth{}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		switch key, value, _ := strings.Cut(lines.Text(), "="); key {
		case "username":
			auth.Username = value
		case "password":
			auth.Password = value
		}
	}
	if auth.Password == "" {
		return nil
	}
	return auth
}
