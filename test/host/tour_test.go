package host

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The tour of README.md, on a machine: its files as they stand there, its
// commands in its order.
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
	g.want(0, []string{"reload nginx.service"}, "switch", "--yes")
	g.says(get, "Good day from web")
	g.says("systemctl show -p MainPID nginx", pid)
	g.want(0, []string{"default"}, "explain", "networking.firewall.enable")

	g.want(0, nil, "rollback", "--yes")
	g.says(get, "Hello from web")
	g.want(0, nil, "rollback", "--to", "0", "--yes")
	g.says("command -v nginx || echo gone", "gone")
}
