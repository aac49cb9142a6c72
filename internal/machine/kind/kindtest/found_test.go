package kindtest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// machine is a root on which one spec is laid after the other.
type machine struct {
	root  system.Root
	prev  *spec.Host
	found spec.Found
}

// lay stages want and returns what the plan said, one line for each change.
// Between plan and stage, packages do theirs.
func (m *machine) lay(t *testing.T, want *spec.Host, packages func()) string {
	t.Helper()
	state, err := kind.Observe(m.root, want, m.prev, kind.NewStatCache())
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(plan.Input{Want: want, Prev: m.prev, State: state, Found: m.found})
	if err != nil {
		t.Fatal(err)
	}
	if packages != nil {
		packages()
	}
	report, err := kind.Stage(context.Background(), m.root, kind.Job{Plan: p, Want: want, Prev: m.prev, Found: m.found, Blob: readBlob})
	if err != nil {
		t.Fatal(err)
	}
	m.prev, m.found = want, report.Found
	var lines []string
	for _, c := range p.Changes {
		line := fmt.Sprintf("%s %s %s", c.Action, c.ID.Kind, c.ID.Name)
		for _, f := range c.Fields {
			line += fmt.Sprintf(" %s:%q->%q", f.Name, f.Before, f.After)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (m *machine) tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := m.root.Command(context.Background(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func (m *machine) user(t *testing.T, name string) string {
	t.Helper()
	state, err := kind.Observe(m.root, &spec.Host{Users: map[string]spec.User{name: {}}}, nil, kind.NewStatCache())
	if err != nil {
		t.Fatal(err)
	}
	u, there := state.Users[name]
	return fmt.Sprintf("%v %s %v %s %s %q", there, u.Group, u.Groups, u.Home, u.Shell, u.Comment)
}

func users(name string, u spec.User) *spec.Host {
	return &spec.Host{Users: map[string]spec.User{name: u}}
}

// TestFoundAccounts: what a block does not say of an account that was there
// stays as it is, what it says goes back when it no longer does, and the
// account goes by absent = true only.
func TestFoundAccounts(t *testing.T) {
	m := &machine{root: debian(t)}
	m.tool(t, "useradd", "--create-home", "--groups", "sudo,games", "--shell", "/bin/bash", "--comment", "", "alice")
	was := m.user(t, "alice")
	is := func(step, want string) {
		t.Helper()
		if got := m.user(t, "alice"); got != want {
			t.Errorf("%s: alice is\n %s, not\n %s", step, got, want)
		}
	}
	say := func(step, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: the plan is\n%s\nand not\n%s", step, got, want)
		}
	}
	none := &spec.Host{Name: "none"}
	shell := users("alice", spec.User{Shell: "/bin/sh", Comment: "Alice", NewHome: "/home/elsewhere"})
	say("a shell", m.lay(t, shell, nil), `update user alice shell:"/bin/bash"->"/bin/sh" comment:""->"Alice"`)
	is("a shell", `true alice [games sudo] /home/alice /bin/sh "Alice"`)
	say("groups", m.lay(t, users("alice", spec.User{Shell: "/bin/sh", Groups: []string{"sudo", "audio"}}), nil),
		`update user alice groups:"games sudo"->"audio sudo" comment:"Alice"->""`)
	m.tool(t, "usermod", "--append", "--groups", "video", "alice")
	say("no groups", m.lay(t, shell, nil), `update user alice comment:""->"Alice" groups:"audio sudo video"->"games sudo video"`)
	m.tool(t, "gpasswd", "--delete", "alice", "video")
	say("no block", m.lay(t, none, nil), `update user alice shell:"/bin/sh"->"/bin/bash" comment:"Alice"->""`)
	is("no block", was)
	// What somebody else has set since is theirs.
	m.lay(t, shell, nil)
	m.tool(t, "usermod", "--shell", "/bin/dash", "alice")
	say("another's shell", m.lay(t, none, nil), `update user alice comment:"Alice"->""`)
	m.tool(t, "usermod", "--shell", "/bin/bash", "alice")
	say("absent", m.lay(t, users("alice", spec.User{Absent: true}), nil),
		`delete user alice uid:"1000"->"" group:"alice"->"" groups:"games sudo"->"" home:"/home/alice"->"" shell:"/bin/bash"->""`)
	is("absent", `false  []   ""`)
	say("still absent", m.lay(t, users("alice", spec.User{Absent: true}), nil), "")
}

// TestMadeAccounts: an account that the spec made goes with its block, and the
// groups that the spec gave go with their line.
func TestMadeAccounts(t *testing.T) {
	m := &machine{root: debian(t)}
	m.lay(t, users("bob", spec.User{Groups: []string{"sudo"}, Shell: "/bin/bash"}), nil)
	if got := m.lay(t, users("bob", spec.User{Shell: "/bin/bash"}), nil); got != `update user bob groups:"sudo"->""` {
		t.Errorf("without its groups the plan is %s", got)
	}
	m.lay(t, &spec.Host{}, nil)
	if got := m.user(t, "bob"); !strings.HasPrefix(got, "false") {
		t.Errorf("bob is %s", got)
	}
}

// TestFoundOfPackages: an account and a unit that a package brings with the
// change that names them were there without the spec, too.
func TestFoundOfPackages(t *testing.T) {
	m := &machine{root: debian(t)}
	link := "/etc/systemd/system/multi-user.target.wants/daemon.service"
	want := &spec.Host{
		Users: map[string]spec.User{"caddy": {Groups: []string{"games"}, Shell: "/bin/sh"}},
		Units: map[string]spec.Unit{"daemon.service": {Enabled: ptr(false)}, "other.service": {Masked: ptr(true)}, "ours.service": {Content: unitText, Enabled: ptr(true)}},
	}
	m.lay(t, want, func() {
		m.tool(t, "useradd", "--system", "--home-dir", "/var/lib/caddy", "--shell", "/usr/sbin/nologin", "caddy")
		for _, unit := range []string{"daemon.service", "other.service"} {
			write(t, m.root, "/usr/lib/systemd/system/"+unit, unitText)
			m.tool(t, "systemctl", "enable", unit)
		}
	})
	if got := m.user(t, "caddy"); got != `true caddy [games] /var/lib/caddy /bin/sh ""` {
		t.Errorf("caddy is %s", got)
	}
	got := m.lay(t, &spec.Host{Name: "none"}, nil)
	for _, line := range []string{
		`update user caddy groups:"games"->"" shell:"/bin/sh"->"/usr/sbin/nologin"`,
		`delete unit daemon.service enabled:"false"->"true"`,
		`delete unit other.service masked:"true"->"false"`,
	} {
		if !strings.Contains(got, line) {
			t.Errorf("the plan lacks %s:\n%s", line, got)
		}
	}
	if got := m.user(t, "caddy"); got != `true caddy [] /var/lib/caddy /usr/sbin/nologin ""` {
		t.Errorf("in the end caddy is %s", got)
	}
	if _, err := m.root.Read(link); err != nil {
		t.Errorf("the package's unit is not enabled again: %v", err)
	}
	if left := m.lay(t, &spec.Host{Name: "none"}, nil); left != "" {
		t.Errorf("it leaves %s", left)
	}
}

// TestFoundUnits: a unit that was masked or enabled is so again, unless somebody
// else has decided since.
func TestFoundUnits(t *testing.T) {
	m := &machine{root: debian(t)}
	write(t, m.root, "/usr/lib/systemd/system/a.service", unitText)
	write(t, m.root, "/usr/lib/systemd/system/b.service", unitText)
	m.tool(t, "systemctl", "mask", "a.service")
	m.tool(t, "systemctl", "enable", "b.service")
	m.lay(t, &spec.Host{Units: map[string]spec.Unit{"a.service": {Masked: ptr(false)}, "b.service": {Enabled: ptr(false)}}}, nil)
	triggers := map[string]spec.Unit{"b.service": {RestartTriggers: []string{"/etc/x"}}}
	if got, want := m.lay(t, &spec.Host{Units: triggers}, nil), "delete unit a.service masked:\"false\"->\"true\"\nupdate unit b.service enabled:\"false\"->\"true\""; got != want {
		t.Errorf("the plan is\n%s\nand not\n%s", got, want)
	}
	m.lay(t, &spec.Host{Units: map[string]spec.Unit{"b.service": {Enabled: ptr(false)}}}, nil)
	m.tool(t, "systemctl", "enable", "b.service")
	if got := m.lay(t, &spec.Host{}, nil); got != "" {
		t.Errorf("what somebody else has decided is changed: %s", got)
	}
}

// TestFoundAlso: somebody else's unit that Also= of a declared one enables is off
// again when that goes, and stays on where it was on before.
func TestFoundAlso(t *testing.T) {
	const shipped = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=one.target\n"
	main := func(also string, more map[string]spec.Unit) *spec.Host {
		units := map[string]spec.Unit{"main.service": {Content: shipped + "Also=" + also + "\n", Enabled: ptr(true)}}
		maps.Copy(units, more)
		return &spec.Host{Units: units}
	}
	both := main("off.service on.service", nil)
	said := main("off.service on.service", map[string]spec.Unit{"off.service": {Enabled: ptr(true)}})
	for name, c := range map[string]struct {
		steps []*spec.Host
		on    string
	}{
		"Also goes":                   {steps: []*spec.Host{both, both, main("", nil)}, on: "main on"},
		"one of two names goes":       {steps: []*spec.Host{both, main("on.service", nil)}, on: "main on"},
		"the declaration goes":        {steps: []*spec.Host{both, both, {}}, on: "on"},
		"it was declared for a while": {steps: []*spec.Host{both, said, both, {}}, on: "on"},
		"it is declared in its place": {steps: []*spec.Host{both, {Units: map[string]spec.Unit{"off.service": {Enabled: ptr(true)}}}, {}}, on: "on"},
		"it stays declared":           {steps: []*spec.Host{said, {Units: map[string]spec.Unit{"off.service": {Enabled: ptr(true)}}}}, on: "off on"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{root: debian(t)}
			write(t, m.root, "/usr/lib/systemd/system/off.service", shipped)
			write(t, m.root, "/usr/lib/systemd/system/on.service", shipped)
			m.tool(t, "systemctl", "enable", "on.service")
			for _, want := range c.steps {
				m.lay(t, want, nil)
			}
			var on []string
			for _, unit := range []string{"main", "off", "on"} {
				if slices.Contains(unitLinks(t, m.root), "one.target.wants/"+unit+".service") {
					on = append(on, unit)
				}
			}
			if got := strings.Join(on, " "); got != c.on {
				t.Errorf("on are %q, want %q", got, c.on)
			}
		})
	}
}

// TestFoundGroups: a group that was there stays.
func TestFoundGroups(t *testing.T) {
	m := &machine{root: debian(t)}
	m.tool(t, "groupadd", "staff2")
	both := &spec.Host{Groups: map[string]spec.Group{"staff2": {}, "ours": {}}}
	m.lay(t, both, nil)
	if got, want := m.lay(t, &spec.Host{}, nil), `delete group ours gid:`; !strings.HasPrefix(got, want) || strings.Contains(got, "staff2") {
		t.Errorf("the plan is %s", got)
	}
	m.lay(t, &spec.Host{Groups: map[string]spec.Group{"staff2": {Absent: true}}}, nil)
	if got := m.lay(t, both, nil); !strings.Contains(got, "create group staff2") {
		t.Errorf("the group was not removed: %s", got)
	}
}

// TestHomes: a home that is root's becomes its user's, the folder alone; one that
// is missing is made; somebody else's, and the system's own folders, stay.
func TestHomes(t *testing.T) {
	m := &machine{root: debian(t)}
	owner := func(path string) string {
		t.Helper()
		st, err := os.Stat(m.root.Path(path))
		if err != nil {
			return "missing"
		}
		return fmt.Sprintf("%v %d", st.Mode().Perm(), st.Sys().(*syscall.Stat_t).Uid)
	}
	say := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("the plan is\n%s\nand not\n%s", got, want)
		}
	}
	m.tool(t, "useradd", "--uid", "1500", "--create-home", "eve")
	write(t, m.root, "/home/ada/data", "hers")
	write(t, m.root, "/home/bob/data", "eve's")
	if err := os.Chown(m.root.Path("/home/bob"), 1500, 1500); err != nil {
		t.Fatal(err)
	}
	write(t, m.root, "/home/eve/data", "hers")
	host := &spec.Host{Users: map[string]spec.User{
		"ada": {UID: ptr(1600)}, "bob": {UID: ptr(1700)}, "eve": {Home: "/srv/people/eve"}, "new": {UID: ptr(1800)},
	}}
	say(m.lay(t, host, nil), strings.Join([]string{
		`create user ada uid:""->"1600" folder/home/ada:"root"->"ada"`,
		`create user bob uid:""->"1700"`,
		`update user eve home:"/home/eve"->"/srv/people/eve" folder/srv/people/eve:"missing"->"eve"`,
		`create user new uid:""->"1800"`,
	}, "\n"))
	for path, want := range map[string]string{
		"/home/ada": "-rwxr-xr-x 1600", "/home/ada/data": "-rw-r--r-- 0", "/home/bob": "-rwxr-xr-x 1500", "/home/new": "-rwx------ 1800",
		"/srv/people": "-rwxr-xr-x 0", "/srv/people/eve": "-rwx------ 1500", "/srv/people/eve/.bashrc": "-rw-r--r-- 1500", "/home/eve/data": "-rw-r--r-- 0",
	} {
		if got := owner(path); got != want {
			t.Errorf("%s is %s, not %s", path, got, want)
		}
	}
	say(m.lay(t, host, nil), "")
	if err := os.RemoveAll(m.root.Path("/home/new")); err != nil {
		t.Fatal(err)
	}
	say(m.lay(t, host, nil), `update user new folder/home/new:"missing"->"new"`)
	m.prev, m.found = nil, spec.Found{}
	m.tool(t, "usermod", "--home", "/home/none", "bob")
	say(m.lay(t, users("bob", spec.User{Shell: "/bin/sh"}), nil), "")
	for _, home := range []string{"/srv", "/usr/local", "/etc/x", "/var/www"} {
		m.prev, m.found = nil, spec.Found{}
		write(t, m.root, home+"/file", "")
		if got := m.lay(t, users("bob", spec.User{Home: home}), nil); strings.Contains(got, "folder") || !strings.HasSuffix(owner(home), " 0") {
			t.Errorf("%s is given away: %s", home, got)
		}
	}
	// What is root's on purpose: a chroot of sftp, and a folder that the spec has.
	m.prev, m.found = nil, spec.Found{}
	write(t, m.root, "/srv/sftp/bob/file", "")
	write(t, m.root, "/srv/sftp/amy/file", "")
	m.tool(t, "usermod", "--home", "/srv/sftp/bob", "bob")
	chroot := users("bob", spec.User{Home: "/srv/sftp/bob"})
	chroot.Users["amy"] = spec.User{UID: ptr(1900), Home: "/srv/sftp/amy"}
	chroot.Files = map[string]spec.File{"/srv/sftp/amy": {Type: spec.Directory, Mode: "0755", Owner: "root", Group: "root"}}
	m.lay(t, chroot, nil)
	for _, home := range []string{"/srv/sftp/bob", "/srv/sftp/amy"} {
		if got := owner(home); got != "-rwxr-xr-x 0" {
			t.Errorf("%s is %s", home, got)
		}
	}
	say(m.lay(t, chroot, nil), "")
}
