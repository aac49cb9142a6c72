package hostile

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	during = flag.Duration("for", 10*time.Second, "how long flakes are made")
	seed   = flag.Uint64("seed", 0, "of the first flake; 0 is one of the clock")
)

// TestFuzz makes flakes whose files are, here and there, links, FIFOs, devices,
// sockets, folders, of odd names and odd sizes, and evaluates them. What a
// failed run prints as its seed makes the same flake again.
func TestFuzz(t *testing.T) {
	g := newGround(t)
	next := *seed
	if next == 0 {
		next = uint64(time.Now().UnixNano())
	}
	commands := []string{"validate", "validate --json", "eval --host h", "eval --host h --json", "fmt --check", "flake metadata", "flake metadata --json", "explain --host h file", "show --host h", "options --host h", "fix --check"}
	n, looked := 0, 0
	for end := time.Now().Add(*during); time.Now().Before(end) || n == 0; n++ {
		m := &maker{t: t, g: g, rng: rand.New(rand.NewPCG(next, 0))}
		m.flake()
		args := commands[m.rng.IntN(len(commands))]
		out := g.run(t, m.dir, "", strings.Fields(args)...)
		looked += out.inFlake
		out.report(t, fmt.Sprintf("seed %d: %s, with %s", next, args, strings.Join(m.made, ", ")))
		if !t.Failed() {
			must(t, os.RemoveAll(m.dir))
		}
		if t.Failed() {
			return
		}
		next++
	}
	if looked < n {
		t.Errorf("the traces show %d files of %d flakes; they cannot have seen the runs", looked, n)
	}
	t.Logf("%d flakes up to seed %d, and %d files of them opened", n, next-1, looked)
}

// maker makes one flake.
type maker struct {
	t    *testing.T
	g    *ground
	rng  *rand.Rand
	dir  string
	made []string // what is odd in it
}

// files are those that hostctl may read, with their normal contents.
func files() map[string]string {
	return map[string]string{
		"flake.hcl": "input \"sub\" { url = \"path:./sub\" }\ninput \"data\" {\n  url   = \"path:./in\"\n  flake = false\n}\n" +
			"host \"h\" { modules = [\"./a.hcl\", \"./mod\", input.sub.modules.m] }\n",
		"a.hcl": "file \"/etc/a\" { source = \"./data.txt\" }\nfile \"/etc/b\" { content = file(\"./data.txt\") }\n" +
			"file \"/etc/c\" { content = jsondecode(file(\"./data.json\")).a }\nfile \"/etc/d\" { content = templatefile(\"./t.tmpl\", { x = 1 }) }\n" +
			"file \"/etc/e\" { source = \"${input.data.path}/x\" }\nsecrets { default_file = \"./secrets.yaml\" }\nsecret \"s\" {}\n",
		"mod/default.hcl": "imports = [\"./b.hcl\", \"../rest/c.hcl\"]\n", "mod/b.hcl": "packages = [\"bash\"]\n", "rest/c.hcl": "", "rest/d.hcl": "nothing imports = true\n",
		"data.txt": "text\n", "data.json": "{\"a\": \"b\"}\n", "t.tmpl": "${x}\n", "secrets.yaml": "s: ENC[x]\nsops: {}\n",
		"sub/flake.hcl": "export { modules = { m = \"./m.hcl\" } }\n", "sub/m.hcl": "", "sub/flake.lock": `{"version": 1, "inputs": {}}`,
		"in/x": "x\n", "in/y/z": "z\n", "hosts/h/packages.lock": "", ".git/HEAD": "ref: refs/heads/main\n", ".git/config": "", ".sops.yaml": "",
	}
}

func (m *maker) flake() {
	m.dir = filepath.Join(filepath.Dir(m.g.outside), fmt.Sprintf("flake-%d", m.rng.Uint64()))
	must(m.t, os.MkdirAll(m.dir, 0o755))
	all := files()
	for name, text := range all {
		put(m.t, filepath.Join(m.dir, name), text)
	}
	late := m.rng.IntN(2) == 0 // lock the odd files if possible
	if !late {
		lock(m.t, m.dir)
	}
	names := []string{"mod", "sub", "in", "hosts", "hosts/h", "rest", ".git", "sub/.git", "in/.git", "flake.lock"}
	for name := range all {
		names = append(names, name)
	}
	// Maps have no order, and a seed makes one flake.
	slices.Sort(names)
	for range 1 + m.rng.IntN(4) {
		m.odd(filepath.Join(m.dir, names[m.rng.IntN(len(names))]))
	}
	for range m.rng.IntN(3) {
		folders := []string{".", "mod", "rest", "in", "sub"}
		m.odd(filepath.Join(m.dir, folders[m.rng.IntN(len(folders))], m.name()))
	}
	if m.rng.IntN(8) == 0 {
		m.deep()
	}
	m.g.give(m.t, m.dir)
	if late {
		m.relock()
	}
}

// relock lets hostctl lock an odd flake, which is hostile for that too. There are
// no packages to lock.
func (m *maker) relock() {
	out := m.g.run(m.t, m.dir, "", "update")
	for _, p := range out.problems {
		if !strings.Contains(p, "it runs a program") && !strings.Contains(p, "it opens") { // apt-get
			m.t.Errorf("update: %s", p)
		}
	}
}

// name is one that few people give a file.
func (m *maker) name() string {
	names := []string{"-", "--help", "\n", "a\nb.hcl", "\xff\xfe.hcl", "\x1b[31m.hcl", "...", ".hcl", "a b.hcl", "*.hcl", "ä\u202e.hcl", "$(id).hcl", "%s%n.hcl", strings.Repeat("x", 250) + ".hcl", "flake.hcl"}
	return names[m.rng.IntN(len(names))]
}

// odd puts something else at a path.
func (m *maker) odd(path string) {
	// What is above it may have become something else.
	if info, err := os.Lstat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return
	}
	must(m.t, os.RemoveAll(path))
	what := ""
	var err error
	switch m.rng.IntN(12) {
	case 0, 1, 2, 3:
		target := m.target(path)
		what, err = "a link to "+target, os.Symlink(target, path)
	case 4:
		what, err = "a FIFO", syscall.Mkfifo(path, 0o666)
	case 5:
		if !m.g.asRoot {
			return
		}
		devices := []int{1<<8 | 5, 1<<8 | 3, 1<<8 | 8, 5 << 8, 1<<8 | 11} // zero, null, random, tty, kmsg
		what, err = "a device", syscall.Mknod(path, syscall.S_IFCHR|0o666, devices[m.rng.IntN(len(devices))])
	case 6:
		what, err = "a socket", syscall.Mknod(path, syscall.S_IFSOCK|0o666, 0)
	case 7:
		what, err = "a folder", os.Mkdir(path, 0o755)
	case 8:
		sizes := []int64{1 << 20, 1<<20 + 1, 10 << 20, 10<<20 + 1, 900 << 20, 2 << 30, 1 << 40}
		size := sizes[m.rng.IntN(len(sizes))]
		what = fmt.Sprintf("%d bytes of nothing", size)
		if err = os.WriteFile(path, nil, 0o644); err == nil {
			err = os.Truncate(path, size)
		}
	case 9:
		b := make([]byte, m.rng.IntN(2000))
		for i := range b {
			b[i] = byte(m.rng.Uint32())
		}
		what, err = "noise", os.WriteFile(path, b, 0o644)
	case 10:
		what, err = "closed to all", os.WriteFile(path, nil, 0)
	case 11:
		what = "nothing"
	}
	if err == nil {
		rel, _ := filepath.Rel(m.dir, path)
		m.made = append(m.made, fmt.Sprintf("%q is %s", rel, what))
	}
}

func (m *maker) target(path string) string {
	out := m.g.outside
	targets := []string{
		filepath.Join(out, "secret"), out, filepath.Join(out, "fifo"), "../outside/secret", "../../outside/secret", "../outside", "/etc/passwd",
		"/dev/zero", "/dev/stdin", "/proc/self/environ", "/proc/self/fd/0", "/proc/self/root", "/", ".", "..", "../..", filepath.Base(path),
		m.dir, filepath.Join(m.dir, "a.hcl"), "data.txt", "../data.txt", "../flake.hcl", ".git/HEAD", "../.git", "nowhere", strings.Repeat("./", 2000) + "a.hcl",
		strings.Repeat("mod/../", 500) + "a.hcl", "../" + filepath.Base(m.dir) + "/a.hcl", m.g.home + "/.netrc",
	}
	return targets[m.rng.IntN(len(targets))]
}

// deep makes folders in folders, more than a path has room for.
func (m *maker) deep() {
	at := filepath.Join(m.dir, []string{"in", "rest"}[m.rng.IntN(2)])
	if info, err := os.Lstat(at); err != nil || !info.IsDir() {
		return
	}
	depth := 20 + m.rng.IntN(300)
	for range depth {
		at = filepath.Join(at, "d")
	}
	if os.MkdirAll(at, 0o755) == nil {
		m.made = append(m.made, fmt.Sprintf("%d folders in each other", depth))
	}
}
