package host

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tour of README.md, on a machine: the same files, and the commands in the same
// order.
func TestReadmeTour(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	flake := t.TempDir()
	fences := regexp.MustCompile("(?s)```hcl\n# (\\S+)\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(fences) != 2 {
		t.Fatalf("README.md has %d files in its tour, not 2", len(fences))
	}
	for _, f := range fences {
		path := filepath.Join(flake, string(f[1]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f[2], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := locked(t, flake, "web")
	g.want(0, nil, "validate")
	g.want(0, []string{"nginx-light", "hosts/web/default.hcl:"}, "plan")
	g.want(0, nil, "switch", "--yes")
	g.want(0, []string{"No changes: web is what its configuration says."}, "plan")
	const get = "bash /root/get"
	g.write("/root/get", `exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\r\n\r\n' >&3; tail -n 1 <&3`, 0o644)
	g.says(get, "Hello from web")
	g.says("nft list chain inet hostctl input | grep -o 'tcp dport 80 accept'", "tcp dport 80 accept")

	pid := g.sh("systemctl show -p MainPID nginx")
	g.edit("hosts/web/default.hcl", "Hello", "Good day")
	transcript := firstScreen(t, string(readme))
	if len(transcript) != 3 {
		t.Fatalf("README.md's first screen has %d commands, not plan, switch and rollback", len(transcript))
	}
	progress := regexp.MustCompile(`(?m)^\S.*, (\d+m)?\d+s\n`)
	for i, c := range transcript {
		r := g.want(0, nil, c.args...)
		// A slow machine prints how long it has been doing something, as "staging, 10s".
		if said := progress.ReplaceAllString(r.stdout+r.stderr, ""); !c.output.MatchString(said) {
			t.Errorf("README.md shows another output of %q than:\n%s", c.args, said)
		}
		g.says(get, []string{"Hello", "Good day", "Hello"}[i]+" from web")
		g.says("systemctl show -p MainPID nginx", pid)
	}
	g.want(0, []string{"default"}, "explain", "networking.firewall.enable")
	g.want(0, nil, "rollback", "--to", "0", "--yes")
	g.says("command -v nginx || echo gone", "gone")
}

// shown is a command of a transcript with its output. A line of three dots stands
// for any lines.
type shown struct {
	args   []string
	output *regexp.Regexp
}

// firstScreen is the first transcript of a page. The host and the flake of a command
// are the machine's own.
func firstScreen(t *testing.T, page string) (out []shown) {
	t.Helper()
	_, page, _ = strings.Cut(page, "```console\n# ")
	page, _, found := strings.Cut(page, "```")
	if !found {
		t.Fatal("there is no transcript")
	}
	for _, command := range strings.Split(page, "\n# ") {
		line, output, _ := strings.Cut(command, "\n")
		line, is := strings.CutPrefix(strings.Replace(line, " --host web", "", 1), "hostctl ")
		if !is {
			t.Fatalf("%q is no command of hostctl", line)
		}
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(output, "\n")+"\n"), "\\.\\.\\.\n", "(?s:.*?)")
		out = append(out, shown{strings.Fields(line), regexp.MustCompile("^" + pattern + "$")})
	}
	return out
}
