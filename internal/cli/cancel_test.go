package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/spec"
)

// needsRoot skips a test that writes records, which belong to root.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("records belong to root")
	}
}

// record is that of generation n, which wants nothing.
func record(n int) *generation.Record {
	return &generation.Record{
		Meta: generation.Meta{Number: n, Parent: n - 1}, Changeset: changeset.New(n),
		Spec: &spec.Host{Version: spec.Version, Settings: spec.Settings{PackageMode: "additive"}}, Plan: &spec.Plan{Version: spec.Version, Changes: []spec.Change{}},
	}
}

// recordedRoot is the root of a machine with generations 0 to last, which is
// current.
func recordedRoot(t *testing.T, last int) string {
	t.Helper()
	root := t.TempDir()
	store := generation.Store{Root: root}
	for n := range last + 1 {
		if err := store.Write(record(n), generation.Path(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Adopt(nil); err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, filepath.Join(root, generation.Dir, "baseline.generation"), []byte(strconv.Itoa(last)))
	if err := os.Symlink(generation.Link(last), filepath.Join(root, generation.CurrentPath)); err != nil {
		t.Fatal(err)
	}
	return root
}

// A list of generations is read on a terminal of 80 columns.
func TestGenerationsListFits(t *testing.T) {
	needsRoot(t)
	root := t.TempDir()
	store := generation.Store{Root: root}
	for n, command := range []string{"hostctl switch", "hostctl switch --flake /etc/hostctl --host server-nix --yes --confirm-within 3m"} {
		rec := record(n + 998)
		rec.Meta = generation.Meta{
			Number: n + 998, Parent: n - 1, Time: time.Now(), User: "someone.with.a.long.name", Command: command,
			Commit: strings.Repeat("a", 40), Dirty: true, Changes: 12345,
		}
		if err := store.Write(rec, generation.Path(n+998)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(store.Adopt(nil), os.Symlink(generation.Link(999), filepath.Join(root, generation.CurrentPath)),
		store.SetAtBoot(&generation.AtBoot{Back: 998, Window: time.Minute, Time: time.Now()}))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := Run([]string{"generations", "list", "--root", root}, nil, &out, &out); code != exitOK || !strings.Contains(out.String(), "current,booted,unconfirmed") {
		t.Fatalf("exit code %d\n%s", code, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// asked runs hostctl on a terminal up to its question.
func asked(t *testing.T, question string, args ...string) (c *talk, code chan int) {
	t.Helper()
	ours, theirs := openTerminal(t)
	code = make(chan int, 1)
	go func() {
		code <- Run(args, theirs, theirs, theirs)
		theirs.Close()
	}()
	c = &talk{t: t, terminal: ours}
	c.expect("the question", "", question+" [y/N] ")
	return c, code
}

func ends(t *testing.T, code chan int) int {
	t.Helper()
	select {
	case c := <-code:
		return c
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
		return 0
	}
}

// A signal at a question ends the command, which says so and nothing else; the
// lock is free while it asks.
func TestCancelledAtAQuestion(t *testing.T) {
	needsRoot(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		root := recordedRoot(t, 2)
		c, code := asked(t, "Delete generation 1 for good?", "generations", "delete", "1", "--root", root)
		unlock, err := (&env{root: root}).takeLock(t.Context())
		if err != nil {
			t.Fatalf("%s: while it asks: %v", sig, err)
		}
		unlock()
		c.said.Reset()
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		if got := ends(t, code); got != exitCancelled {
			t.Errorf("%s: exit code %d, want %d", sig, got, exitCancelled)
		}
		c.expect("the end", "", "cancelled\r\n")
		if said := strings.ReplaceAll(c.said.String(), "\r\n", "\n"); said != "\ncancelled\n" {
			t.Errorf("%s: it says %q", sig, said)
		}
		if _, err := os.Stat(filepath.Join(root, generation.Path(1))); err != nil {
			t.Errorf("%s: %v", sig, err)
		}
	}
}

// What somebody agreed to is done, and nothing that came up meanwhile.
func TestAgreed(t *testing.T) {
	needsRoot(t)
	root := recordedRoot(t, 3)
	c, code := asked(t, "Delete generation 1 for good?", "generations", "delete", "1", "--root", root)
	c.expect("yes", "y\n", "generation 1 deleted")
	if got := ends(t, code); got != exitOK {
		t.Errorf("exit code %d", got)
	}

	root = recordedRoot(t, 3)
	c, code = asked(t, "Delete generations 0, 1 and 2 for good?", "gc", "--keep", "1", "--root", root)
	if err := (generation.Store{Root: root}).Pin(2, "meanwhile"); err != nil {
		t.Fatal(err)
	}
	c.expect("yes to something else", "y\n", "something changed meanwhile")
	if got := ends(t, code); got != exitFailed {
		t.Errorf("exit code %d", got)
	}
	for n := range 4 {
		if _, err := os.Stat(filepath.Join(root, generation.Path(n))); err != nil {
			t.Error(err)
		}
	}

	root = recordedRoot(t, 3)
	c, code = asked(t, "Delete generation 1 for good?", "generations", "delete", "1", "--root", root)
	c.expect("no", "\n", "not confirmed; nothing was changed")
	if got := ends(t, code); got != exitFailed {
		t.Errorf("exit code %d", got)
	}
}
