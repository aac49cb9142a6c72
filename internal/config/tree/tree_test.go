package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newTree is a folder flake next to a file and a folder outside it.
func newTree(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	for name, text := range map[string]string{"secret": "secret", "out/x": "secret", "flake/a": "a", "flake/d/b": "b", "flake/.git/c": "c", "flake/d/.git/c": "c"} {
		must(t, os.MkdirAll(filepath.Join(base, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(base, name), []byte(text), 0o644))
	}
	return filepath.Join(base, "flake")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	root := newTree(t)
	linked := root + "-link"
	must(t, os.Symlink(filepath.Base(root), linked))
	must(t, unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "large"), make([]byte, 2<<20+1), 0o600))
	for name, target := range map[string]string{
		"in": "d/b", "d/up": "../a", "own": filepath.Join(root, "d/b"), "chain": "in", "folder": "d", "through": "folder/../d/./b",
		"out": "../secret", "abs": filepath.Join(root, "../secret"), "outdir": "../out", "back": "../flake/a", "root": "/", "proc": "/proc/self/environ",
		"loop": "loop", "git": ".git/c", "nowhere": "none", "tofifo": "fifo", "dot": ".",
	} {
		must(t, os.Symlink(target, filepath.Join(root, name)))
	}
	for _, c := range []struct {
		name, want string
		err        error
	}{
		{"a", "a", nil}, {"d/b", "b", nil}, {"in", "b", nil}, {"d/up", "a", nil}, {"own", "b", nil}, {"chain", "b", nil}, {"folder/b", "b", nil},
		{"through", "b", nil}, {"d/../a", "a", nil}, {"dot/a", "a", nil}, {"./a", "a", nil},
		{"out", "", ErrOutside}, {"abs", "", ErrOutside}, {"outdir/x", "", ErrOutside}, {"back", "", ErrOutside}, {"root", "", ErrOutside},
		{"proc", "", ErrOutside}, {"../secret", "", ErrOutside}, {"..", "", ErrOutside}, {"loop", "", ErrLoop},
		{"git", "", ErrGit}, {".git/c", "", ErrGit}, {"d/.git/c", "", ErrGit}, {"nowhere", "", fs.ErrNotExist}, {"none/x", "", fs.ErrNotExist},
		{"a/x", "", unix.ENOTDIR}, {"d", "", unix.EISDIR}, {".", "", unix.EISDIR},
	} {
		for _, r := range []string{root, linked} {
			got, err := File{r, c.name}.Read(MaxModule)
			if string(got) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s is %q, %v; want %q, %v", c.name, got, err, c.want, c.err)
			}
		}
	}
	for name, want := range map[string]string{"fifo": "it is a FIFO", "tofifo": "it is a FIFO", "large": "it has 2.0 MB, and the limit for such a file is 1 MB"} {
		ended := make(chan error, 1)
		go func() {
			_, err := File{root, name}.Read(MaxModule)
			ended <- err
		}()
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is waited for", name)
		}
	}
}

// What is read is what was looked at: somebody who puts a link in place of the
// file, or of its folder, again and again, is never followed out.
func TestReadWhileItChanges(t *testing.T) {
	root := newTree(t)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(filepath.Join(root, "d"), filepath.Join(root, "was"))
			_ = os.Symlink("../out", filepath.Join(root, "d"))
			_ = os.Remove(filepath.Join(root, "d"))
			_ = os.Rename(filepath.Join(root, "was"), filepath.Join(root, "d"))
			_ = os.Rename(filepath.Join(root, "a"), filepath.Join(root, "kept"))
			_ = os.Symlink("../secret", filepath.Join(root, "a"))
			_ = os.Remove(filepath.Join(root, "a"))
			_ = os.Rename(filepath.Join(root, "kept"), filepath.Join(root, "a"))
		}
	}()
	read := 0
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		for _, name := range []string{"a", "d/x", "d/b"} {
			b, err := File{root, name}.Read(MaxModule)
			if strings.Contains(string(b), "secret") {
				t.Fatalf("%s was followed out of the tree", name)
			}
			if err == nil {
				read++
			}
		}
		must(t, ignoreMoved(Walk(root, func(e *Entry) error {
			if strings.HasSuffix(e.Name, "/x") {
				t.Fatalf("%s is not of the tree", e.Name)
			}
			if e.IsRegular() {
				var b strings.Builder
				_, err := e.Copy(&b, MaxData)
				if b.String() == "secret" {
					t.Fatalf("%s was followed out of the tree", e.Name)
				}
				return ignoreMoved(err)
			}
			return nil
		})))
	}
	close(stop)
	<-ended
	if read == 0 {
		t.Error("nothing was ever read")
	}
}

func ignoreMoved(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || err != nil && strings.Contains(err.Error(), "now a symbolic link") {
		return nil
	}
	return err
}

func TestDevicesAreNotOpened(t *testing.T) {
	root := newTree(t)
	if err := unix.Mknod(filepath.Join(root, "zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Skipf("it needs root: %v", err)
	}
	if _, err := (File{root, "zero"}).Read(MaxData); err == nil || !strings.Contains(err.Error(), "it is a device") {
		t.Errorf("got %v", err)
	}
}

func TestWalk(t *testing.T) {
	root := newTree(t)
	must(t, os.Symlink("/", filepath.Join(root, "link")))
	must(t, os.Symlink("../out", filepath.Join(root, "d/out")))
	must(t, unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	must(t, os.Mkdir(filepath.Join(root, "skipped"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "skipped/x"), nil, 0o600))
	var names []string
	must(t, Walk(root, func(e *Entry) error {
		names = append(names, e.Name)
		if e.IsRegular() == (e.IsLink() || e.IsDir() || e.Name == "fifo") {
			t.Errorf("%s is taken for something else", e.Name)
		}
		if _, err := e.Copy(io.Discard, MaxData); (err == nil) != e.IsRegular() {
			t.Errorf("%s is copied: %v", e.Name, err)
		}
		if e.Name == "skipped" {
			return fs.SkipDir
		}
		return nil
	}))
	if want := []string{".", "a", "d", "d/b", "d/out", "fifo", "link", "skipped"}; !slices.Equal(names, want) {
		t.Errorf("visited %q, want %q", names, want)
	}

	at := root
	for range maxDepth + 1 {
		at = filepath.Join(at, "deep")
	}
	must(t, os.MkdirAll(at, 0o755))
	if err := Walk(root, func(*Entry) error { return nil }); err == nil || !strings.Contains(err.Error(), "more than 100 deep") {
		t.Errorf("a deep tree: %v", err)
	}
}

func TestNames(t *testing.T) {
	root := newTree(t)
	must(t, os.Symlink("../out", filepath.Join(root, "out")))
	if got, err := (File{root, "d"}).Names(); err != nil || !slices.Equal(got, []string{".git", "b"}) {
		t.Errorf("d has %q: %v", got, err)
	}
	if got, err := (File{root, "out"}).Names(); !errors.Is(err, ErrOutside) {
		t.Errorf("out has %q: %v", got, err)
	}
	if got, err := (File{root, "a"}).Names(); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a has %q: %v", got, err)
	}
}
