package hostile

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	plainFlake = `host "h" { modules = ["./a.hcl"] }` + "\n"
	dirFlake   = `host "h" { modules = ["./mod"] }` + "\n"
	inputFlake = "input \"sub\" { url = \"path:./sub\" }\nhost \"h\" { modules = [input.sub.modules.m] }\n"
)

// TestHostileFlakes evaluates flakes that lead elsewhere, block, or are endless:
// hostctl opens and quotes nothing outside them, and ends soon and with little
// memory.
func TestHostileFlakes(t *testing.T) {
	g := newGround(t)
	link := func(name, target string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			must(t, os.RemoveAll(filepath.Join(dir, name)))
			must(t, os.Symlink(target, filepath.Join(dir, name)))
		}
	}
	secret := filepath.Join(g.outside, "secret")
	fifo := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { must(t, syscall.Mkfifo(filepath.Join(dir, name), 0o666)) }
	}
	sparse := func(name string, size int64) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, name), "")
			must(t, os.Truncate(filepath.Join(dir, name), size))
		}
	}
	device := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if !g.asRoot {
				t.Skip("only root makes devices")
			}
			must(t, syscall.Mknod(filepath.Join(dir, name), syscall.S_IFCHR|0o666, 1<<8|5)) // zero(4)
		}
	}
	const outside, leadsOut = "lies outside the flake", "leads out of its folder"
	file := func(attr string) map[string]string {
		return map[string]string{"flake.hcl": plainFlake, "a.hcl": "file \"/etc/x\" { " + attr + " }\n"}
	}
	module := map[string]string{"flake.hcl": plainFlake}
	input := map[string]string{"flake.hcl": inputFlake, "sub/flake.hcl": "export { modules = { m = \"./m.hcl\" } }\n", "sub/m.hcl": "", "other/m.hcl": "packages = [1\n"}
	for _, c := range []struct {
		name  string
		files map[string]string
		by    func(*testing.T, string)
		want  string
		args  string
	}{
		{"flake.hcl is a link", nil, link("flake.hcl", secret), leadsOut, "validate"},
		{"flake.hcl is a link to a device", nil, link("flake.hcl", "/dev/zero"), leadsOut, "validate"},
		{"flake.hcl is a device", nil, device("flake.hcl"), "it is a device", "validate"},
		{"flake.hcl is a FIFO", nil, fifo("flake.hcl"), "it is a FIFO", "validate"},
		{"flake.hcl is huge", nil, sparse("flake.hcl", 2<<30), "it has 2048.0 MB, and the limit for such a file is 1 MB", "validate"},
		{"flake.lock is a link", map[string]string{"flake.hcl": "host \"h\" {}\n"}, link("flake.lock", secret), outside, "validate"},
		{"flake.lock is a FIFO", map[string]string{"flake.hcl": "host \"h\" {}\n"}, fifo("flake.lock"), "it is a FIFO", "validate"},
		{"flake.lock is huge", map[string]string{"flake.hcl": "host \"h\" {}\n"}, sparse("flake.lock", 2<<30), "the limit for such a file is 1 MB", "validate"},
		{"a module is a link", module, link("a.hcl", secret), outside, "validate"},
		{"a module is a link upwards", module, link("a.hcl", "../../../../../../../../etc/passwd"), outside, "validate"},
		{"a module is a link to /proc", module, link("a.hcl", "/proc/self/environ"), outside, "validate"},
		{"a module is a FIFO", module, fifo("a.hcl"), "it is a FIFO", "validate"},
		{"a module is a device", module, device("a.hcl"), "it is a device", "eval --host h"},
		{"a module is huge", module, sparse("a.hcl", 4<<30), "the limit for such a file is 1 MB", "validate --json"},
		{"a module's folder is a link", map[string]string{"flake.hcl": dirFlake}, link("mod", g.outside), outside, "validate"},
		{"default.hcl is a link", map[string]string{"flake.hcl": dirFlake}, link("mod/default.hcl", secret), outside, "explain --host h packages"},
		{"default.hcl is in git's folder", map[string]string{"flake.hcl": dirFlake, ".git/x": canary}, link("mod/default.hcl", "../.git/x"), "git's own folder", "validate"},
		{"a source is a link", file(`source = "./data"`), link("data", secret), outside, "validate"},
		{"a source is huge", file(`source = "./data"`), sparse("data", 11<<20), "it has 11.0 MB, and the limit for such a file is 10 MB", "validate"},
		{"file() of a link", file(`content = file("./data")`), link("data", secret), outside, "validate"},
		{"file() of a FIFO", file(`content = file("./data")`), fifo("data"), "it is a FIFO", "validate"},
		{"file() of an endless link", file(`content = file("./data")`), link("data", "/dev/zero"), outside, "eval --host h"},
		{"a template is a link", file(`content = templatefile("./data", {})`), link("data", secret), outside, "validate"},
		{"json is huge", file(`content = jsondecode(file("./data"))`), sparse("data", 2<<30), "the limit for such a file is 10 MB", "validate"},
		{"secrets are a link", map[string]string{"flake.hcl": plainFlake, "a.hcl": "secrets { default_file = \"./data\" }\nsecret \"x\" {}\n"}, link("data", secret), outside, "validate"},
		{"an input's flake.hcl is a link", input, link("sub/flake.hcl", secret), "is not the one in flake.lock", "validate"},
		{"an input has a FIFO", input, fifo("sub/fifo"), "neither a file, a folder nor a symbolic link", "validate"},
		{"an input is huge", input, sparse("sub/data", 3<<30), "it has more than 1024 MB", "validate"},
		{"a file that nothing imports is a FIFO", map[string]string{"flake.hcl": "host \"h\" {}\n"}, fifo("rest.hcl"), "h: valid", "validate"},
		{"fmt of a link", map[string]string{"flake.hcl": "host \"h\" {}\n"}, link("a.hcl", secret), outside, "fmt --check a.hcl"},
		{"fmt of a FIFO", map[string]string{"flake.hcl": "host \"h\" {}\n"}, fifo("a.hcl"), "it is a FIFO", "fmt --check a.hcl"},
		{"metadata beside a FIFO", map[string]string{"flake.hcl": "host \"h\" {}\n"}, fifo("a"), "hosts", "flake metadata"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			for name, text := range c.files {
				put(t, filepath.Join(dir, name), text)
			}
			if c.files["sub/flake.hcl"] != "" {
				lock(t, dir)
			}
			c.by(t, dir)
			g.give(t, dir)
			out := g.run(t, dir, "", strings.Fields(c.args)...)
			out.report(t, c.args)
			if out.inFlake == 0 {
				t.Error("the trace shows no file of the flake; it cannot have seen the run")
			}
			if !strings.Contains(out.said, c.want) {
				t.Errorf("it does not say %q:\n%.2000s", c.want, out.said)
			}
		})
	}
}

// A locked input whose flake.hcl leads out of it, which the lock holds as a
// link, is not read either.
func TestHostileInput(t *testing.T) {
	g := newGround(t)
	dir := folder(t)
	put(t, filepath.Join(dir, "flake.hcl"), "input \"sub\" {\n  url   = \"path:./sub\"\n  flake = false\n}\nhost \"h\" { modules = [\"./a.hcl\"] }\n")
	put(t, filepath.Join(dir, "a.hcl"), "file \"/etc/x\" { source = \"${input.sub.path}/data\" }\n")
	put(t, filepath.Join(dir, "sub/x"), "")
	must(t, os.Symlink("../beside", filepath.Join(dir, "sub/data")))
	put(t, filepath.Join(dir, "beside"), canary)
	must(t, os.Symlink("../beside", filepath.Join(dir, "sub/flake.hcl")))
	lock(t, dir)
	g.give(t, dir)
	out := g.run(t, dir, "", "validate")
	out.report(t, "validate")
	if !strings.Contains(out.said, "lies outside the flake") {
		t.Errorf("a link of an input leads to what no lock holds:\n%s", out.said)
	}
	put(t, filepath.Join(dir, "flake.hcl"), "input \"sub\" { url = \"path:./sub\" }\nhost \"h\" { modules = [input.sub.modules.m] }\n")
	out = g.run(t, dir, "", "validate")
	out.report(t, "validate")
	if !strings.Contains(out.said, "leads out of its folder") {
		t.Errorf("an input's flake.hcl leads to what no lock holds:\n%s", out.said)
	}
}

// TestSilentServer evaluates a flake with an input on a server that lets one in
// and then says nothing.
func TestSilentServer(t *testing.T) {
	g := newGround(t)
	over := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() { close(over); server.Close() })
	trust(t, g, server)
	dir := folder(t)
	url := "git+" + server.URL + "/x.git"
	put(t, filepath.Join(dir, "flake.hcl"), "input \"web\" { url = \""+url+"\" }\nhost \"h\" { modules = [input.web.modules.m] }\n")
	put(t, filepath.Join(dir, "flake.lock"), `{"version": 1, "inputs": {"web": {"url": "`+url+`", "rev": "`+strings.Repeat("a", 40)+`", "hash": "`+strings.Repeat("b", 64)+`"}}}`)
	g.give(t, dir)
	out := g.run(t, dir, "", "validate")
	for _, p := range out.problems {
		if !strings.Contains(p, "it opens") { // for the network
			t.Error(p)
		}
	}
	if !strings.Contains(out.said, "it takes longer than 20s; 'hostctl flake fetch'") {
		t.Errorf("validate says:\n%s", out.said)
	}
}

// TestNothingRuns evaluates, in a bare repository whose configuration names a
// credential helper, a flake with an input on a server that wants a login.
func TestNothingRuns(t *testing.T) {
	g := newGround(t)
	asked := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "" {
			t.Error("it logs in")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	trust(t, g, server)
	dir := folder(t)
	if out, err := exec.Command("git", "init", "-q", "--bare", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ran := filepath.Join(g.home, "ran")
	helper := "!touch " + ran + "; echo username=x; echo password=y"
	if out, err := exec.Command("git", "-C", dir, "config", "credential.helper", helper).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	urls := map[string]string{"web": "git+" + server.URL + "/x.git", "shell": "git+ssh://git@127.0.0.1/x.git", "here": "git+file:./x.git"}
	var text strings.Builder
	locked := `{"version": 1, "inputs": {`
	for name, url := range urls {
		text.WriteString("input \"" + name + "\" { url = \"" + url + "\" }\nhost \"" + name + "\" { modules = [input." + name + ".modules.m] }\n")
		locked += `"` + name + `": {"url": "` + url + `", "rev": "` + strings.Repeat("a", 40) + `", "hash": "` + strings.Repeat("b", 64) + `"},`
	}
	put(t, filepath.Join(dir, "flake.hcl"), text.String())
	put(t, filepath.Join(dir, "flake.lock"), strings.TrimSuffix(locked, ",")+"}}")
	g.give(t, dir)
	for _, c := range []struct{ args, want string }{
		{"validate", "wants a login"}, {"validate", "fetches only https by itself"}, {"eval --host web", "hostctl flake fetch"},
		{"eval --host shell", "hostctl flake fetch"}, {"eval --host here", "hostctl flake fetch"}, {"explain --host web packages", "wants a login"},
		{"show --host web", "wants a login"}, {"options --host web", ""}, {"flake metadata", "not in the cache"}, {"validate --offline", "--offline fetches nothing"},
	} {
		before := asked
		out := g.run(t, dir, "", strings.Fields(c.args)...)
		var left []string
		for _, p := range out.problems { // a name resolver's files
			if !strings.Contains(p, "it opens /etc/") && !strings.Contains(p, "it opens "+g.home+"/cert.pem") && !strings.Contains(p, "it opens /proc/sys/net") {
				left = append(left, p)
			}
		}
		out.problems = left
		out.report(t, c.args)
		if !strings.Contains(out.said, c.want) {
			t.Errorf("%s does not say %q:\n%s", c.args, c.want, out.said)
		}
		if strings.Contains(c.args, "--offline") && asked != before {
			t.Errorf("%s asks the server", c.args)
		}
	}
	if asked == 0 {
		t.Error("the server was never asked")
	}
	// A person asks for it, and the repository around still has no say.
	out := g.run(t, dir, "", "flake", "fetch")
	if !strings.Contains(out.said, "wants a login, and neither ~/.netrc nor a git credential helper has one") {
		t.Errorf("flake fetch says:\n%s", out.said)
	}
	if _, err := os.Lstat(ran); err == nil {
		t.Error("the helper of a repository ran")
	}
	if !strings.Contains(out.trace, `"credential", "fill"`) {
		t.Error("git was not asked for a login: the test shows nothing")
	}
}
