package systemd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// tree makes files, and links where the content is "-> TARGET".
func tree(t *testing.T, files map[string]string) system.Root {
	t.Helper()
	root := system.Root(t.TempDir())
	for path, content := range files {
		p := root.Path(path)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		if target, link := cutPrefix(content); link && err == nil {
			err = os.Symlink(target, p)
		} else if err == nil {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func cutPrefix(content string) (string, bool) {
	if len(content) > 3 && content[:3] == "-> " {
		return content[3:], true
	}
	return "", false
}

func TestLinks(t *testing.T) {
	root := tree(t, map[string]string{
		"/etc/systemd/system/multi-user.target.wants/a.service":      "-> /usr/lib/systemd/system/a.service",
		"/etc/systemd/system/b.target.requires/b.service":            "-> ../b.service",
		"/etc/systemd/system/c.target.upholds/c.service":             "-> /x/c.service",
		"/etc/systemd/system/getty.target.wants/getty@tty1.service":  "-> /usr/lib/systemd/system/getty@.service",
		"/etc/systemd/system/display-manager.service":                "-> /usr/lib/systemd/system/gdm.service",
		"/etc/systemd/system/off.service":                            "-> /dev/null",
		"/etc/systemd/system/linked.service":                         "-> /opt/linked.service",
		"/etc/systemd/system/plain.service":                          "[Unit]\n",
		"/etc/systemd/system/multi-user.target.wants/notalink":       "",
		"/etc/systemd/system/a.service.d/multi.conf":                 "",
		"/usr/lib/systemd/system/multi-user.target.wants/s.service":  "-> ../s.service",
		"/etc/systemd/system/sockets.target.wants/template@.service": "-> /x/template@.service",
	})
	l, err := ReadLinks(root)
	if err != nil {
		t.Fatal(err)
	}
	for unit, want := range map[string]bool{
		"a.service": true, "b.service": true, "c.service": true, "getty@tty1.service": true, "getty@.service": true,
		"getty@tty2.service": false, "gdm.service": true, "off.service": false, "linked.service": false,
		"plain.service": false, "s.service": false, "notalink": false, "multi.conf": false,
	} {
		if l.Enabled(unit) != want {
			t.Errorf("%s enabled: %v, by %v", unit, !want, l.Enabling(unit))
		}
	}
	if !l.Masked("off.service") || l.Masked("linked.service") {
		t.Error("a mask is a link to /dev/null")
	}
	if empty, err := ReadLinks(system.Root(t.TempDir())); err != nil || empty.Enabled("a.service") {
		t.Errorf("a root without systemd: %v", err)
	}
}

func TestTemplate(t *testing.T) {
	for unit, want := range map[string]string{
		"getty@tty1.service": "getty@.service", "getty@.service": "getty@.service",
		"a.service": "a.service", "a@b.c.socket": "a@.socket", "noext@x": "noext@x",
	} {
		if got := Template(unit); got != want {
			t.Errorf("%s: %s", unit, got)
		}
	}
}

func TestFragmentAndInstall(t *testing.T) {
	root := tree(t, map[string]string{
		"/usr/lib/systemd/system/a.service":             "[Unit]\nWantedBy=no\n[Install]\n# WantedBy=no\nWantedBy = \nAlso=b.socket c.socket\n",
		"/usr/lib/systemd/system/t@.service":            "[Install]\nAlias=x@.service\n",
		"/etc/systemd/system/t@.service.d/10.conf":      "[Install]\nAlso=d.socket\n",
		"/usr/lib/systemd/system/over.service":          "[Install]\nWantedBy=x\n",
		"/etc/systemd/system/over.service":              "[Unit]\n",
		"/usr/lib/systemd/system/masked.service":        "[Install]\nWantedBy=x\n",
		"/etc/systemd/system/masked.service":            "-> /dev/null",
		"/usr/local/lib/systemd/system/local.service":   "[Install]\nRequiredBy=x\n",
		"/etc/systemd/system/later.service.d/10-a.conf": "[Install]\nUpheldBy=x\n",
		"/usr/lib/systemd/system/later.service":         "",
	})
	for unit, want := range map[string]struct {
		fragment string
		empty    bool
		also     []string
	}{
		"a.service":      {"/usr/lib/systemd/system/a.service", false, []string{"b.socket", "c.socket"}},
		"t@1.service":    {"/usr/lib/systemd/system/t@.service", false, []string{"d.socket"}},
		"over.service":   {"/etc/systemd/system/over.service", true, nil},
		"masked.service": {"/usr/lib/systemd/system/masked.service", false, nil},
		"local.service":  {"/usr/local/lib/systemd/system/local.service", false, nil},
		"later.service":  {"/usr/lib/systemd/system/later.service", false, nil},
		"none.service":   {"", true, nil},
	} {
		in, err := ReadInstall(root, unit)
		if err != nil {
			t.Fatal(err)
		}
		if got := Fragment(root, unit); got != want.fragment || in.Empty() != want.empty || !slices.Equal(in.Also, want.also) {
			t.Errorf("%s: %s, %+v", unit, got, in)
		}
	}
}

// TestInstallLinks: the links are those that systemctl makes, or systemd is asked.
func TestInstallLinks(t *testing.T) {
	const dir = "/usr/lib/systemd/system/"
	root := tree(t, map[string]string{
		dir + "a.service":                        "[Install]\nWantedBy=x.target y.target\nRequiredBy=x.target\nUpheldBy=z.service\nAlias=b.service\n",
		"/etc/systemd/system/a.service.d/1.conf": "[Install]\nWantedBy=\nWantedBy=late.target\n",
		dir + "t@.service":                       "[Install]\nWantedBy=x-%i.target\nDefaultInstance=one\n",
		dir + "u@.service":                       "[Install]\nWantedBy=x.target\n",
		dir + "h.service":                        "[Install]\nWantedBy=%H.target\n",
	})
	for unit, want := range map[string]string{
		"a.service":     "b.service late.target.wants/a.service x.target.requires/a.service z.service.upholds/a.service false",
		"t@.service":    "x-one.target.wants/t@one.service false",
		"t@two.service": "x-two.target.wants/t@two.service false",
		"u@.service":    "true",
		"u@1.service":   "x.target.wants/u@1.service false",
		"h.service":     "true",
	} {
		in, err := ReadInstall(root, unit)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(strings.ReplaceAll(strings.Join(in.Links, " "), AdminDir+"/", "") + fmt.Sprintf(" %v", in.Unsure))
		if got != want {
			t.Errorf("%s: %s, want %s", unit, got, want)
		}
	}
}
