package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hostctl/hostctl/internal/config/flake"
)

var update = flag.Bool("update", false, "write what hostctl says now into test/wrong")

// wrongCase is one mistake: the files of a flake, and what hostctl says.
type wrongCase struct {
	name  string
	files map[string][]byte
	steps []string // command lines; the last is the one that fails
	want  string
	fixed map[string][]byte // the files of whoever does what the message says
}

// TestWrong runs every wrong configuration of test/wrong as a user would, and
// compares all that hostctl prints with the golden text. In an archive,
// CASE/FILE is a file of the case's flake, CASE/run its command lines (without
// it, validate) and CASE/want the text. CASE/fixed/FILE is a file as it is when
// the message has been followed: the flake is valid with it. A name that is
// proposed by "Did you mean" is followed without that. A case without a flake.hcl gets one
// whose host has the module ./a.hcl.
func TestWrong(t *testing.T) {
	archives, err := filepath.Glob("../../test/wrong/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no wrong configurations", err)
	}
	total := 0
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases := casesOf(t, archive)
		total += len(cases)
		got := map[string]string{}
		for _, c := range cases {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+c.name, func(t *testing.T) {
				got[c.name] = c.run(t)
				if got[c.name] != c.want && !*update {
					t.Errorf("hostctl says:\n%s\nwanted:\n%s\nif a newcomer is better served now: go test ./internal/cli -run TestWrong -update", got[c.name], c.want)
				}
			})
		}
		if *update {
			writeWanted(t, path, archive, got)
		}
	}
	if total < 70 {
		t.Errorf("%d wrong configurations; at least 70 are wanted", total)
	}
}

func casesOf(t *testing.T, archive *txtar.Archive) []*wrongCase {
	t.Helper()
	var cases []*wrongCase
	byName := map[string]*wrongCase{}
	for _, f := range archive.Files {
		name, rest, ok := strings.Cut(f.Name, "/")
		if !ok {
			t.Fatalf("%s belongs to no case", f.Name)
		}
		c := byName[name]
		if c == nil {
			c = &wrongCase{name: name, files: map[string][]byte{}, fixed: map[string][]byte{}, steps: []string{"validate"}}
			byName[name] = c
			cases = append(cases, c)
		}
		switch rest {
		case "run":
			c.steps = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case "want":
			c.want = string(f.Data)
		default:
			if fixed, ok := strings.CutPrefix(rest, "fixed/"); ok {
				c.fixed[fixed] = f.Data
			} else {
				c.files[rest] = f.Data
			}
		}
	}
	return cases
}

func (c *wrongCase) run(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOSTCTL_CACHE", filepath.Join(dir, ".cache"))
	if c.files["flake.hcl"] == nil && c.files["no-flake"] == nil {
		c.files["flake.hcl"] = []byte("host \"a\" { modules = [\"./a.hcl\"] }\n")
	}
	for name, data := range c.files {
		writeTestFile(t, filepath.Join(dir, name), data)
	}
	for _, line := range c.steps[:len(c.steps)-1] {
		if err := prepare(t, dir, line); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	args := append(strings.Fields(c.steps[len(c.steps)-1]), "--flake", dir)
	code := Run(args, strings.NewReader(""), &stdout, &stderr)
	out := strings.ReplaceAll(stderr.String(), dir, "$FLAKE")
	if code == exitOK && !strings.HasPrefix(out, "Warning") {
		t.Errorf("exit code 0, and hostctl says %q: nothing is wrong", stdout.String()+out)
	}
	switch {
	case len(c.fixed) > 0:
		c.mended(t, dir)
	case !testing.Short() && c.steps[len(c.steps)-1] == "validate" && strings.Contains(out, "Did you mean"):
		c.followed(t, dir)
	}
	return out
}

// prepare brings about what a text archive cannot hold, and what happens
// before the mistake shows.
func prepare(t *testing.T, dir, line string) error {
	words := strings.Fields(line)
	at := func(i int) string { return filepath.Join(dir, words[i]) }
	switch words[0] {
	case "symlink": // FILE TARGET
		return os.Symlink(words[2], at(1))
	case "unescape": // FILE: its \x00 and the like become bytes
		b, err := os.ReadFile(at(1))
		if err != nil {
			return err
		}
		return os.WriteFile(at(1), []byte(unescaped(string(b))), 0o644)
	case "repeat": // FILE TEXT COUNT: after what is in it
		n := 0
		if _, err := fmt.Sscan(words[3], &n); err != nil {
			return err
		}
		b, err := os.ReadFile(at(1))
		if err != nil {
			return err
		}
		return os.WriteFile(at(1), append(b, strings.Repeat(unescaped(words[2]), n)...), 0o644)
	case "mkdir":
		return os.Mkdir(at(1), 0o755)
	case "remove":
		return os.Remove(at(1))
	case "move": // FROM TO
		return os.Rename(at(1), at(2))
	case "lock": // the inputs alone, without packages
		f, diags := flake.Load(dir)
		if diags.HasErrors() {
			return diags
		}
		_, err := f.Update(t.Context(), nil)
		text, textErr := f.LockText()
		return errors.Join(err, textErr, os.WriteFile(f.LockPath(), text, 0o644))
	}
	// It may fail itself of what is wrong; what it wrote until then counts.
	Run(append(words, "--flake", dir), strings.NewReader(""), io.Discard, io.Discard)
	return nil
}

func unescaped(s string) string {
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00", `\xff`, "\xff", `\bom`, "\uFEFF", `\s`, " ").Replace(s)
}

func writeTestFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeWanted puts the new texts into the archive, each after the last file
// of its case.
func writeWanted(t *testing.T, path string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	out := &txtar.Archive{Comment: archive.Comment}
	for i, f := range archive.Files {
		name, rest, _ := strings.Cut(f.Name, "/")
		if _, ran := got[name]; rest != "want" || !ran { // -run may leave some out
			out.Files = append(out.Files, f)
		}
		last := i+1 == len(archive.Files) || !strings.HasPrefix(archive.Files[i+1].Name, name+"/")
		if text, ran := got[name]; last && ran {
			out.Files = append(out.Files, txtar.File{Name: name + "/want", Data: []byte(text)})
		}
	}
	writeTestFile(t, path, txtar.Format(out))
}
