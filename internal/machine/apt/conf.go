package apt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// workspace is a folder in which apt-get runs and sees nothing of the
// machine's own sources, keys, preferences, hooks or package state.
type workspace struct {
	dir  string
	arch string
}

func openWorkspace(dir, arch string) (workspace, error) {
	w := workspace{dir, arch}
	for _, sub := range []string{"empty", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return w, fmt.Errorf("cannot make a folder for apt: %w", err)
		}
	}
	for name, text := range map[string]string{"status": "", "apt.conf": w.conf()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return w, fmt.Errorf("cannot set up apt: %w", err)
		}
	}
	return w, nil
}

// conf is apt's whole configuration: apt reads APT_CONFIG before everything else
// (apt.conf(5)), so its paths for the rest apply.
func (w workspace) conf() string {
	var b strings.Builder
	for _, dir := range [][2]string{
		{"Etc::sourcelist", "sources.list"}, {"Etc::sourceparts", "empty"},
		{"Etc::main", "empty/none"}, {"Etc::parts", "empty"},
		{"Etc::preferences", "preferences"}, {"Etc::preferencesparts", "empty"},
		{"Etc::trusted", "empty/none"}, {"Etc::trustedparts", "empty"},
		{"Etc::netrc", "empty/none"}, {"Etc::netrcparts", "empty"},
		{"State", "."}, {"State::lists", "lists"}, {"State::status", "status"}, {"State::extended_states", "extended_states"},
		{"Cache", "cache"}, {"Cache::archives", "cache/archives"}, {"Log", "empty"},
	} {
		fmt.Fprintf(&b, "Dir::%s %q;\n", dir[0], filepath.Join(w.dir, dir[1]))
	}
	fmt.Fprintf(&b, "APT::Architecture %q;\nAPT::Architectures { %q; };\n", w.arch, w.arch)
	// The classic solver of apt 2.6 is still in 3.0 and later: the same
	// lists give the same lock whichever Debian runs 'hostctl update'.
	b.WriteString(`APT::Solver "internal";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "1";
`)
	// It is also apt's timeout for a connection: reach has already shown that each
	// mirror accepts one.
	for _, method := range []string{"http", "https"} {
		fmt.Fprintf(&b, "Acquire::%s::Timeout \"%d\";\n", method, int(patience.Seconds()))
	}
	for way, proxy := range proxies() {
		scheme, host, one := strings.Cut(way, "::")
		if one {
			host = "::" + host
		}
		fmt.Fprintf(&b, "Acquire::%s::Proxy%s %q;\n", scheme, host, proxy)
	}
	return b.String()
}

// run starts apt-get and returns what it printed, both streams.
func (w workspace) run(ctx context.Context, args ...string) (string, error) {
	return w.runTelling(ctx, io.Discard, args...)
}

// runTelling is run that lets another one read along.
func (w workspace) runTelling(ctx context.Context, along io.Writer, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "LC_") || strings.HasPrefix(v, "LANG") || strings.HasPrefix(v, "APT_CONFIG=")
	}), "LC_ALL=C.UTF-8", "APT_CONFIG="+filepath.Join(w.dir, "apt.conf"), resolverPatience())
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, along)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return out.String(), err
}

// gets counts what apt-get says that it fetches: Get:1 URL SUITE FILE [9,669 kB].
type gets struct {
	tell  func(bytes int64)
	bytes int64
	line  []byte
}

func (g *gets) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if g.line = append(g.line, line...); line[len(line)-1] != '\n' {
			continue
		}
		if n := size(string(g.line)); n > 0 {
			g.bytes += n
			g.tell(g.bytes)
		}
		g.line = g.line[:0]
	}
	return len(b), nil
}

// size is the number of bytes in brackets at the end of a line of apt's output, or
// 0.
func size(line string) int64 {
	at := strings.LastIndexByte(line, '[')
	if at < 0 || !strings.HasPrefix(line, "Get:") {
		return 0
	}
	number, unit, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line[at+1:]), "]"), " ")
	n, err := strconv.ParseFloat(strings.ReplaceAll(number, ",", ""), 64)
	if err != nil {
		return 0
	}
	return int64(n * map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit])
}

// complaints are apt's own errors and warnings, one after the other.
func complaints(out string) string {
	var kept []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{"E: ", "W: "} {
			if text, ok := strings.CutPrefix(line, prefix); ok && !slices.Contains(kept, text) {
				kept = append(kept, text)
			}
		}
	}
	return strings.Join(kept, "; ")
}
