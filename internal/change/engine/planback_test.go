package engine

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// TestRollbackPastAbsent: a generation had removed an account that no spec asks for,
// and another one made one. The way back says what becomes of both, and that whoever
// runs it goes.
func TestRollbackPastAbsent(t *testing.T) {
	needsRoot(t)
	root := t.TempDir()
	files := func(names ...string) account.Files {
		out := account.Files{account.Passwd: []byte("root:x:0:0::/root:/bin/bash\n"), account.Group: []byte("root:x:0:\n")}
		for _, name := range names {
			uid := map[string]string{"alice": "1000", "eve": "1001"}[name]
			out[account.Passwd] = append(out[account.Passwd], name+":x:"+uid+":0::/home/"+name+":/bin/bash\n"...)
		}
		return out
	}
	for path, content := range files("eve") {
		write(t, filepath.Join(root, path), content)
	}
	write(t, filepath.Join(root, "var/lib/dpkg/status"), nil)
	store := generation.Store{Root: root}
	if err := store.Adopt(map[string]spec.Installed{}); err != nil {
		t.Fatal(err)
	}
	gone := emptyHost()
	gone.Users = map[string]spec.User{"alice": {Absent: true}}
	for n, rec := range []*generation.Record{
		{Spec: emptyHost()},
		{Spec: gone, Accounts: []account.Delta{account.Diff(files("alice"), files("eve"))}},
	} {
		rec.Meta, rec.Plan, rec.Changeset = generation.Meta{Number: n, Parent: n - 1}, emptyPlan(), changeset.New(n)
		rec.Changeset.Mounts = []changeset.Mount{{Point: "/"}}
		rec.Changeset.Entries = []changeset.Entry{
			{Path: "/etc/b", Class: node.Config, Before: &node.Node{Digest: "former"}, After: &node.Node{Digest: "later"}},
			{Path: "/etc/n", Class: node.Config, After: &node.Node{Digest: "new"}},
			{Path: "/usr/bin/p", Class: node.Program, After: &node.Node{}},
		}
		if err := store.Write(rec, generation.Path(n)); err != nil {
			t.Fatal(err)
		}
	}
	m, want, p := backToZero(t, root)
	if along := map[string]string{"/etc/b": "former", "/etc/n": ""}; !maps.Equal(m.along, along) {
		t.Errorf("files along the way are %q", m.along)
	}
	var says []string
	for _, c := range p.Changes {
		says = append(says, string(c.Action)+" "+c.ID.Name)
	}
	if got := strings.Join(says, ", "); got != "create alice, delete eve" {
		t.Errorf("the plan is %q", got)
	}
	in := guard.Input{Root: system.Root(root), Want: want, Prev: m.prev, Plan: p, State: m.seen, Blob: m.blobOf(want), Person: guard.Person{Account: "eve"}}
	if found, err := guard.Lockout(t.Context(), in); err != nil || len(found) != 1 || !strings.Contains(found[0], "the account of eve, who runs this, is deleted") {
		t.Errorf("it locks out: %q, %v", found, err)
	}
}

// backToZero plans the way from generation 1, which it makes the current one, to
// generation 0.
func backToZero(t *testing.T, root string) (*Machine, *spec.Host, *spec.Plan) {
	t.Helper()
	if err := os.Symlink(generation.Link(1), filepath.Join(root, generation.CurrentPath)); err != nil {
		t.Fatal(err)
	}
	o := quiet(root)
	o.Cache = filepath.Join(root, "cache")
	m, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	want, _, p, err := m.PlanRecorded(0)
	if err != nil {
		t.Fatal(err)
	}
	return m, want, p
}

// TestRollbackPastByHand: what somebody installed by hand goes with a rollback past
// it, and the plan says so before anybody agrees.
func TestRollbackPastByHand(t *testing.T) {
	needsRoot(t)
	root := t.TempDir()
	write(t, filepath.Join(root, account.Passwd), []byte("root:x:0:0::/root:/bin/bash\n"))
	write(t, filepath.Join(root, account.Group), []byte("root:x:0:\n"))
	write(t, filepath.Join(root, "var/lib/dpkg/status"),
		[]byte("Package: openssh-server\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"))
	store := generation.Store{Root: root}
	if err := store.Adopt(map[string]spec.Installed{}); err != nil {
		t.Fatal(err)
	}
	byHand := emptyPlan()
	byHand.Changes = []spec.Change{{ID: spec.ID{Kind: spec.KindPackage, Name: "openssh-server"}, Action: spec.Create, Fields: []spec.Field{{Name: "version", After: "1"}}}}
	for n, p := range []*spec.Plan{emptyPlan(), byHand} {
		rec := &generation.Record{Spec: emptyHost(), Plan: p, Meta: generation.Meta{Number: n, Parent: n - 1, Absorbed: n == 1}, Changeset: changeset.New(n)}
		rec.Changeset.Mounts = []changeset.Mount{{Point: "/"}}
		if err := store.Write(rec, generation.Path(n)); err != nil {
			t.Fatal(err)
		}
	}
	m, want, p := backToZero(t, root)
	if len(p.Changes) != 1 || p.Changes[0].ID.Name != "openssh-server" || p.Changes[0].Action != spec.Delete {
		t.Fatalf("the plan is %+v", p.Changes)
	}
	if len(m.locked) > 0 {
		t.Errorf("the current generation has locked %v", m.locked)
	}
	in := m.guarding(p, want)
	in.Person = guard.Person{Account: "root", Through: netip.MustParseAddrPort("192.0.2.1:22")}
	if found, err := guard.Lockout(t.Context(), in); err != nil || len(found) != 1 || !strings.Contains(found[0], "package openssh-server goes") {
		t.Errorf("it locks out: %q, %v", found, err)
	}
}

// TestRollbackToAPassword: an account that a rollback brings back has the password
// that it had last, and so has the guard: with one the account keeps a way in open,
// and with one that was locked it does not, whatever the spec says.
func TestRollbackToAPassword(t *testing.T) {
	needsRoot(t)
	for password, lockouts := range map[string]int{"$y$j9T$salt$hash": 0, "!": 1} {
		root := t.TempDir()
		files := func(name, uid, password string) account.Files {
			return account.Files{
				account.Passwd: []byte("root:x:0:0::/root:/bin/bash\n" + name + ":x:" + uid + ":100::/home/" + name + ":/bin/bash\n"),
				account.Group:  []byte("root:x:0:\nsudo:x:27:" + name + "\nusers:x:100:\n"),
				account.Shadow: []byte("root:*:1::::::\n" + name + ":" + password + ":1::::::\n"),
			}
		}
		now := files("eve", "1001", "$y$j9T$other$hash")
		for path, content := range map[string]string{
			account.Passwd: string(now[account.Passwd]), account.Group: string(now[account.Group]), account.Shadow: string(now[account.Shadow]),
			"etc/sudoers":                    "%sudo ALL=(ALL:ALL) ALL\n",
			"etc/ssh/sshd_config":            "UsePAM yes\n",
			"var/lib/dpkg/status":            "Package: openssh-server\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\nPackage: sudo\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n",
			"var/lib/hostctl/passwords.json": `{"alice": "alice:` + password + `:1::::::\n"}`,
		} {
			write(t, filepath.Join(root, path), []byte(content))
		}
		store := generation.Store{Root: root}
		if err := store.Adopt(map[string]spec.Installed{}); err != nil {
			t.Fatal(err)
		}
		had := emptyHost()
		had.Users = map[string]spec.User{"alice": {PasswordSecret: "alice"}}
		for n, rec := range []*generation.Record{
			{Spec: had},
			{Spec: emptyHost(), Accounts: []account.Delta{account.Diff(files("alice", "1000", "$y$j9T$first$hash"), now)}},
		} {
			rec.Meta, rec.Plan, rec.Changeset = generation.Meta{Number: n, Parent: n - 1}, emptyPlan(), changeset.New(n)
			rec.Changeset.Mounts = []changeset.Mount{{Point: "/"}}
			if err := store.Write(rec, generation.Path(n)); err != nil {
				t.Fatal(err)
			}
		}
		m, want, p := backToZero(t, root)
		found, err := guard.Lockout(t.Context(), m.guarding(p, want))
		if err != nil || len(found) != lockouts {
			t.Errorf("with alice's password %q it locks out: %q, %v", password, found, err)
		}
	}
}
