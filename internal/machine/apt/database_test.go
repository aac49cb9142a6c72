package apt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// database is a root with a status file and empty file lists of the packages.
func database(t *testing.T, status string, lists ...string) system.Root {
	t.Helper()
	root := system.Root(t.TempDir())
	files := map[string]string{"/var/lib/dpkg/status": status}
	for _, name := range lists {
		files["/var/lib/dpkg/info/"+name+".list"] = "/.\n"
	}
	for path, text := range files {
		at := filepath.Join(string(root), path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func stanzaOf(name, status string) string {
	return "Package: " + name + "\nStatus: " + status + "\nArchitecture: amd64\nVersion: 1\n\n"
}

func TestCheckDatabase(t *testing.T) {
	for _, c := range []struct {
		name   string
		status string
		lists  []string
		says   []string // none: it is in order
	}{
		{"in order", stanzaOf("a", "install ok installed") + stanzaOf("b", "deinstall ok config-files") + stanzaOf("gone", "purge ok not-installed"), []string{"a", "b:amd64"}, nil},
		{"half configured", stanzaOf("a", "install ok half-configured"), []string{"a"}, []string{"package a is ok half-configured"}},
		{"waits for a trigger", stanzaOf("a", "install ok triggers-pending"), []string{"a"}, []string{"package a is ok triggers-pending"}},
		{"to be reinstalled", stanzaOf("a", "install reinstreq installed"), []string{"a"}, []string{"package a is reinstreq"}},
		{"no list", stanzaOf("a", "install ok installed"), nil, []string{"package a has no file list"}},
		{"a list too many", stanzaOf("a", "install ok installed") + stanzaOf("b", "purge ok not-installed"), []string{"a", "b", "c"}, []string{"list of b has no entry", "list of c has no entry"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := CheckDatabase(database(t, c.status, c.lists...), nil)
			if len(c.says) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			for _, text := range c.says {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("%v does not say %q", err, text)
				}
			}
			if err != nil && strings.Count(err.Error(), "\n") != len(c.says) {
				t.Errorf("it says more or less than it should: %v", err)
			}
		})
	}
}

func TestDatabaseDigestTellsEveryChange(t *testing.T) {
	root := database(t, stanzaOf("a", "install ok installed"), "a")
	for _, c := range []struct{ path, text string }{
		{"/var/lib/dpkg/lock", ""},
		{"/var/lib/dpkg/status", stanzaOf("a", "install ok installed") + stanzaOf("b", "install ok installed")},
		{"/var/lib/dpkg/info/b.list", "/.\n"},
		{"/var/lib/dpkg/diversions", "/a\n/b\n:\n"},
		{"/var/lib/dpkg/triggers/File", "/x b\n"},
	} {
		before, err := DatabaseDigest(root, nil)
		if err != nil {
			t.Fatal(err)
		}
		at := root.Path(c.path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		after, err := DatabaseDigest(root, nil)
		if err != nil {
			t.Fatal(err)
		}
		if lock := c.path == "/var/lib/dpkg/lock"; (before == after) != lock {
			t.Errorf("%s: the digest was %s and is %s", c.path, before, after)
		}
	}
}

// What is to stand in the place of files is looked at in the place of these.
func TestDatabaseThatIsToCome(t *testing.T) {
	root := database(t, stanzaOf("a", "install ok installed")+stanzaOf("b", "install ok installed"), "a", "b")
	next := database(t, stanzaOf("a", "install ok installed")+stanzaOf("c", "install ok installed"), "a", "c")
	coming := Coming{
		statusPath: next.Path(statusPath), infoDir + "/b.list": "", infoDir + "/c.list": next.Path(infoDir + "/c.list"),
	}
	if err := CheckDatabase(root, coming); err != nil {
		t.Error(err)
	}
	want, err := DatabaseDigest(next, nil)
	if err != nil {
		t.Fatal(err)
	}
	if is, err := DatabaseDigest(root, coming); err != nil || is != want {
		t.Errorf("its digest is %s, %v, and will be %s", is, err, want)
	}
	delete(coming, infoDir+"/b.list")
	if err := CheckDatabase(root, coming); err == nil || !strings.Contains(err.Error(), "the file list of b has no entry") {
		t.Errorf("a list that stays without its package: %v", err)
	}
}
