package guard

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// machineOf is a root with these files.
func machineOf(t *testing.T, files map[string]string) system.Root {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		at := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return system.Root(root)
}

func step(kind spec.Kind, name string, action spec.Action, fields ...spec.Field) spec.Change {
	return spec.Change{ID: spec.ID{Kind: kind, Name: name}, Action: action, Fields: fields}
}

func regular(text string) spec.File { return spec.File{Type: spec.Regular, Content: text} }

const (
	keyA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0 a\n"
	keyB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample1 b\n"
	keyE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample2 e\n"
)

// TestLockout: a plan names every way in that it closes, and none that stays.
func TestLockout(t *testing.T) {
	const dropIn = "/etc/ssh/sshd_config.d/10-hostctl.conf"
	const noPasswords = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
	off := false
	for name, c := range map[string]struct {
		live    map[string]string // beside what every case has
		want    spec.Host
		changes []spec.Change
		local   string
		says    []string
	}{
		"nothing of it": {changes: []spec.Change{step(spec.KindFile, "/etc/motd", spec.Create)}, want: spec.Host{Files: map[string]spec.File{"/etc/motd": regular("x")}}},
		"passwords go off": {
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular(noPasswords)}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"sshd takes no passwords then, and no account that may use sudo has a key", "ann, who runs this, can log in over SSH no more: it takes no passwords"},
		},
		"passwords go off, and ann gets a key": {
			want: spec.Host{Files: map[string]spec.File{dropIn: regular(noPasswords + "AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u\n"),
				"/etc/ssh/authorized_keys.d/ann": regular(keyA)}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create), step(spec.KindFile, "/etc/ssh/authorized_keys.d/ann", spec.Create)},
		},
		"only eve, who may do nothing, has a key": {
			live:    map[string]string{"/home/eve/.ssh/authorized_keys": keyE},
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular(noPasswords)}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"no account that may use sudo has a key", "ann, who runs this, can log in over SSH no more: it takes no passwords"},
		},
		"the last key goes": {
			live:    map[string]string{dropIn: noPasswords, "/home/ann/.ssh/authorized_keys": keyA},
			changes: []spec.Change{step(spec.KindFile, "/home/ann/.ssh/authorized_keys", spec.Delete)},
			says:    []string{"no account that may use sudo can log in over SSH then", "ann, who runs this, can log in over SSH with none of the keys"},
		},
		"another key in its place": {
			live:    map[string]string{"/home/ann/.ssh/authorized_keys": keyA},
			want:    spec.Host{Files: map[string]spec.File{"/home/ann/.ssh/authorized_keys": regular(keyB)}},
			changes: []spec.Change{step(spec.KindFile, "/home/ann/.ssh/authorized_keys", spec.Update)},
			says:    []string{"ann, who runs this, can log in over SSH with none of the keys"},
		},
		"a key more": {
			live:    map[string]string{"/home/ann/.ssh/authorized_keys": keyA},
			want:    spec.Host{Files: map[string]spec.File{"/home/ann/.ssh/authorized_keys": regular(keyB + keyA)}},
			changes: []spec.Change{step(spec.KindFile, "/home/ann/.ssh/authorized_keys", spec.Update)},
		},
		"sudo goes": {
			changes: []spec.Change{step(spec.KindUser, "ann", spec.Update, spec.Field{Name: "groups", Before: "adm sudo", After: "adm"})},
			says:    []string{"no account may do everything with sudo then, and root cannot log in over SSH", "ann, who runs this, may no longer do everything with sudo"},
		},
		"sudo stays by a rule of its own": {
			want: spec.Host{Files: map[string]spec.File{"/etc/sudoers.d/ann": regular("ann ALL=(ALL) NOPASSWD: ALL\n")}},
			changes: []spec.Change{step(spec.KindUser, "ann", spec.Update, spec.Field{Name: "groups", Before: "adm sudo", After: "adm"}),
				step(spec.KindFile, "/etc/sudoers.d/ann", spec.Create)},
		},
		"the package sudo goes with the passwords": {
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular(noPasswords)}},
			changes: []spec.Change{step(spec.KindPackage, "sudo", spec.Delete), step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"package sudo goes, and root cannot log in over SSH then", "may no longer do everything with sudo", "can log in over SSH no more"},
		},
		"sudo goes, and root has a key": {
			live:    map[string]string{"/root/.ssh/authorized_keys": keyB},
			changes: []spec.Change{step(spec.KindPackage, "sudo", spec.Delete)},
			says:    []string{"ann, who runs this, may no longer do everything with sudo"},
		},
		"sudo leaves one for another, who has no way in": {
			live: map[string]string{dropIn: noPasswords, "/home/ann/.ssh/authorized_keys": keyA},
			changes: []spec.Change{step(spec.KindUser, "ann", spec.Update, spec.Field{Name: "groups", Before: "adm sudo", After: "adm"}),
				step(spec.KindUser, "eve", spec.Update, spec.Field{Name: "groups", Before: "", After: "sudo"})},
			says: []string{"no account that may use sudo can log in over SSH then, with a key or a password; ann could", "may no longer do everything with sudo"},
		},
		"the package sudo goes": {changes: []spec.Change{step(spec.KindPackage, "sudo", spec.Delete)}, says: []string{"package sudo goes, and root cannot log in over SSH then", "may no longer do everything with sudo"}},
		"the account goes":      {changes: []spec.Change{step(spec.KindUser, "ann", spec.Delete)}, says: []string{"no account may do everything with sudo then", "the account of ann, who runs this, is deleted"}},
		"the shell": {
			changes: []spec.Change{step(spec.KindUser, "ann", spec.Update, spec.Field{Name: "shell", Before: "/usr/bin/zsh", After: "/usr/sbin/nologin"})},
			says:    []string{"no account that may use sudo can log in over SSH then", "ann, who runs this, gets the shell /usr/sbin/nologin"},
		},
		"the shell's package": {changes: []spec.Change{step(spec.KindPackage, "zsh", spec.Delete)},
			says: []string{"no account that may use sudo can log in over SSH then", "ann, who runs this, has the shell /usr/bin/zsh, which goes with package zsh"}},
		"root's shell's package": {
			live:    map[string]string{"/etc/passwd": "root:x:0:0::/root:/bin/zsh\nann:x:1000:1000::/home/ann:/bin/sh\n"},
			changes: []spec.Change{step(spec.KindPackage, "zsh", spec.Delete)}, says: []string{"root has the shell /bin/zsh, which goes with package zsh"},
		},
		"a shell in place of the one that goes": {changes: []spec.Change{step(spec.KindPackage, "zsh", spec.Delete),
			step(spec.KindUser, "ann", spec.Update, spec.Field{Name: "shell", Before: "/usr/bin/zsh", After: "/bin/bash"})}},
		"AllowUsers": {
			live:    map[string]string{"/home/ann/.ssh/authorized_keys": keyA},
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular("AllowUsers deploy\n")}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"no account that may use sudo can log in over SSH then", "with none of the keys that are let in now"},
		},
		"a cloud's key of root's": {
			live:    map[string]string{"/root/.ssh/authorized_keys": "no-pty,command=\"echo 'Please login as ann'; exit 142\" " + keyB},
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular(noPasswords)}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"no account that may use sudo has a key", "ann, who runs this, can log in over SSH no more: it takes no passwords"},
		},
		"another has a key": {
			live:    map[string]string{"/root/.ssh/authorized_keys": keyB},
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular(noPasswords)}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"ann, who runs this, can log in over SSH no more: it takes no passwords"},
		},
		"AllowUsers, by password": {
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular("AllowUsers deploy\n")}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"no account that may use sudo can log in over SSH then", "it takes neither a password nor a key of theirs"},
		},
		"root, by password": {
			live:    map[string]string{"/etc/ssh/sshd_config.d/20.conf": "PermitRootLogin yes\n", "/etc/sudoers": ""},
			want:    spec.Host{Files: map[string]spec.File{dropIn: regular("PermitRootLogin no\n")}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"no account that may use sudo can log in over SSH then, with a key or a password; root could"},
		},
		"no password of ann's is right": {
			live:    map[string]string{"/etc/shadow": "root:*:1::::::\nann:!:1::::::\n", "/home/ann/.ssh/authorized_keys": keyA},
			changes: []spec.Change{step(spec.KindFile, "/home/ann/.ssh/authorized_keys", spec.Delete)},
			says:    []string{"no account that may use sudo can log in over SSH then", "with none of the keys"},
		},
		"the loopback only": {
			local: "192.0.2.1:22", want: spec.Host{Files: map[string]spec.File{dropIn: regular("ListenAddress 127.0.0.1\n")}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"sshd stops listening at 192.0.2.1:22, through which this session came"},
		},
		"through a tunnel, the server": {local: "127.0.0.1:22", changes: []spec.Change{step(spec.KindPackage, "openssh-server", spec.Delete)}, says: []string{"package openssh-server goes"}},
		"the session's port": {
			local: "192.0.2.1:22", want: spec.Host{Files: map[string]spec.File{dropIn: regular("Port 2222\n")}},
			changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create)},
			says:    []string{"sshd stops listening on port 22, through which this session came"},
		},
		"the server, from the console": {changes: []spec.Change{step(spec.KindPackage, "openssh-server", spec.Delete)}},
		"the server":                   {local: "192.0.2.1:22", changes: []spec.Change{step(spec.KindPackage, "openssh-server", spec.Delete)}, says: []string{"package openssh-server goes"}},
		"its unit": {
			local: "192.0.2.1:22", want: spec.Host{Units: map[string]spec.Unit{"ssh.service": {Enabled: &off}}},
			changes: []spec.Change{step(spec.KindUnit, "ssh.service", spec.Update, spec.Field{Name: "enabled", Before: "true", After: "false"})}, says: []string{"ssh.service goes off"},
		},
		"its unit, given back": {
			local: "192.0.2.1:22", changes: []spec.Change{step(spec.KindUnit, "ssh.service", spec.Delete, spec.Field{Name: "enabled", Before: "true", After: "false"})},
			says: []string{"ssh.service goes off"},
		},
		"its unit, masked again": {
			local: "192.0.2.1:22", changes: []spec.Change{step(spec.KindUnit, "ssh.service", spec.Delete, spec.Field{Name: "masked", Before: "false", After: "true"})},
			says: []string{"ssh.service is masked"},
		},
		"the service masked behind its socket": {
			local: "192.0.2.1:22",
			changes: []spec.Change{step(spec.KindUnit, "ssh.service", spec.Update, spec.Field{Name: "masked", Before: "false", After: "true"}),
				step(spec.KindUnit, "ssh.socket", spec.Update, spec.Field{Name: "enabled", Before: "false", After: "true"})},
			says: []string{"ssh.service is masked"},
		},
		"its socket, given back, with the service off": {
			local: "192.0.2.1:22",
			changes: []spec.Change{step(spec.KindUnit, "ssh.service", spec.Update, spec.Field{Name: "enabled", Before: "true", After: "false"}),
				step(spec.KindUnit, "ssh.socket", spec.Delete, spec.Field{Name: "enabled", Before: "true", After: "false"})},
			says: []string{"ssh.service goes off"},
		},
		"the socket in place of the service": {
			local: "192.0.2.1:22",
			changes: []spec.Change{step(spec.KindUnit, "ssh.service", spec.Update, spec.Field{Name: "enabled", Before: "true", After: "false"}),
				step(spec.KindUnit, "ssh.socket", spec.Update, spec.Field{Name: "enabled", Before: "false", After: "true"})},
		},
	} {
		live := map[string]string{
			"/etc/passwd":                 "root:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/usr/bin/zsh\neve:x:1001:1001::/home/eve:/bin/sh\n",
			"/etc/group":                  "root:x:0:\nsudo:x:27:ann\nadm:x:4:ann\nann:x:1000:\neve:x:1001:\n",
			"/etc/sudoers":                "%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
			"/etc/ssh/sshd_config":        "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\n",
			"/var/lib/dpkg/info/zsh.list": "/.\n/bin\n/bin/zsh\n",
		}
		for path, text := range c.live {
			live[path] = text
		}
		on := true
		in := Input{
			Root: machineOf(t, live), Want: &c.want, Prev: &spec.Host{}, Plan: &spec.Plan{Changes: c.changes},
			State:  &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}, "sudo": {}, "zsh": {}}, Units: map[string]spec.Unit{"ssh.service": {Enabled: &on}}},
			Person: Person{Account: "ann"},
		}
		if c.local != "" {
			in.Person.Through = netip.MustParseAddrPort(c.local)
		}
		got, err := Lockout(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		fits := len(got) == len(c.says)
		for i := range min(len(got), len(c.says)) {
			fits = fits && strings.Contains(got[i], c.says[i])
		}
		if !fits {
			t.Errorf("%s: it says\n%s\nand should say\n%s", name, strings.Join(got, "\n"), strings.Join(c.says, "\n"))
		}
	}
}

// TestRecordedFiles: on a recorded way it is the records that say what sshd will
// read, also of files that no spec has.
func TestRecordedFiles(t *testing.T) {
	const dropIn = "/etc/ssh/sshd_config.d/10.conf"
	in := Input{
		Root: machineOf(t, map[string]string{
			"/etc/passwd": "root:x:0:0::/root:/bin/bash\n", "/etc/group": "root:x:0:\n",
			"/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n", dropIn: "PermitRootLogin yes\n",
		}),
		Want: &spec.Host{}, Prev: &spec.Host{}, State: &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}}},
		Plan:   &spec.Plan{Changes: []spec.Change{step(spec.KindFile, "/etc/ssh/sshd_config", spec.Update)}},
		Along:  map[string]string{"/etc/ssh/sshd_config": "d", dropIn: ""},
		Blob:   func(string) ([]byte, error) { return []byte("Include /etc/ssh/sshd_config.d/*.conf\nPort 2222\n"), nil },
		Person: Person{Account: "root", Through: netip.MustParseAddrPort("192.0.2.1:22")},
	}
	said, err := Lockout(t.Context(), in)
	if err != nil || len(said) != 3 || !strings.Contains(said[0], "sshd stops listening on port 22") || !strings.Contains(said[1], "no account that may use sudo can log in") {
		t.Errorf("%q, %v", said, err)
	}
}

// TestShellThatGoes: whoever keeps a shell whose package goes is named.
func TestShellThatGoes(t *testing.T) {
	in := Input{
		Root: machineOf(t, map[string]string{
			"/etc/passwd":                 "root:x:0:0::/root:/bin/bash\neve:x:1001:1001::/home/eve:/usr/bin/zsh\n",
			"/var/lib/dpkg/info/zsh.list": "/.\n/bin\n/bin/zsh\n",
		}),
		Want: &spec.Host{}, Prev: &spec.Host{}, State: &spec.State{Installed: map[string]spec.Installed{"zsh": {}}}, Person: Person{Account: "root"},
		Plan: &spec.Plan{Changes: []spec.Change{step(spec.KindPackage, "zsh", spec.Delete)}},
	}
	said, err := Lockout(t.Context(), in)
	if err != nil || len(said) > 0 || len(in.Plan.Warnings) != 1 || !strings.Contains(in.Plan.Warnings[0], `user "eve" has the shell /usr/bin/zsh, which goes with package zsh`) {
		t.Errorf("%q, %q, %v", said, in.Plan.Warnings, err)
	}
}

// TestLockoutWhereSudoComes: who gets a key, and sudo with the plan, is let in.
func TestLockoutWhereSudoComes(t *testing.T) {
	const dropIn, keys = "/etc/ssh/sshd_config.d/10-hostctl.conf", "/home/bob/.ssh/authorized_keys"
	in := Input{
		Root: machineOf(t, map[string]string{
			"/etc/passwd":          "root:x:0:0::/root:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/bash\n",
			"/etc/group":           "root:x:0:\nbob:x:1001:\n",
			"/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n",
		}),
		Want: &spec.Host{Files: map[string]spec.File{dropIn: regular("PasswordAuthentication no\nKbdInteractiveAuthentication no\n"), keys: regular(keyB)}},
		Prev: &spec.Host{}, State: &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}}}, Person: Person{Account: "root"},
		Plan: &spec.Plan{Changes: []spec.Change{step(spec.KindPackage, "sudo", spec.Create), step(spec.KindFile, dropIn, spec.Create), step(spec.KindFile, keys, spec.Create),
			step(spec.KindUser, "bob", spec.Update, spec.Field{Name: "groups", After: "sudo"})}},
	}
	if said, err := Lockout(t.Context(), in); err != nil || len(said) > 0 {
		t.Errorf("%q, %v", said, err)
	}
}

// TestStrictModeKeepsTheBoot: what a machine boots with goes only by name, and a
// kernel as long as another stays.
func TestStrictModeKeepsTheBoot(t *testing.T) {
	const kernel, other = "linux-image-6.12.48+deb13-amd64", "linux-image-6.12.50+deb13-amd64"
	for name, c := range map[string]struct {
		goes, stays []string
		says        string
	}{
		"loader and initrd":         {[]string{"grub-efi-amd64", "initramfs-tools"}, nil, "grub-efi-amd64, initramfs-tools would go"},
		"the only kernel":           {[]string{kernel}, []string{"linux-image-amd64"}, kernel + " would go"},
		"a kernel, another stays":   {[]string{kernel}, []string{other}, ""},
		"the name of the newest":    {[]string{"linux-image-amd64"}, []string{other}, ""},
		"its symbols":               {[]string{kernel + "-dbg"}, nil, ""},
		"what grub draws with":      {[]string{"grub-theme-starfield"}, nil, ""},
		"sudo, lvm2, the encrypted": {[]string{"cryptsetup-initramfs", "lvm2", "sudo"}, nil, "cryptsetup-initramfs, lvm2, sudo would go"},
	} {
		in := lost(t, 60, append(xs(60), "libc6", "apt", "libapt", "udev", "vim", "vim-common", "lonely")...)
		for _, p := range append(c.stays, c.goes...) {
			in.State.Installed[p] = spec.Installed{Version: "1"}
		}
		for _, p := range c.goes {
			in.Plan.Changes = append(in.Plan.Changes, step(spec.KindPackage, p, spec.Delete))
		}
		if err := Removals(in); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(in.Plan.Refused, "\n"); (c.says == "") != (got == "") || !strings.HasPrefix(got, c.says) {
			t.Errorf("%s: it says %q", name, got)
		}
	}
}

// TestFirewallPorts reads rules of the library's form.
func TestFirewallPorts(t *testing.T) {
	const rules = "table inet hostctl {\n chain input {\n  type filter hook input priority filter; policy drop;\n  iif \"lo\" accept\n" +
		"    tcp dport { 80, 443 } accept\n    tcp dport { 1714-1764 } accept\n    udp dport { 22 } accept\n    iifname \"wg0\" tcp dport { 22 } accept\n  }\n}\n"
	f := readFirewall([]byte(rules))
	for port, want := range map[uint16]bool{80: true, 443: true, 1714: true, 1764: true, 1765: false, 22: false} {
		if f.lets(port, []string{"eth0"}) != want {
			t.Errorf("port %d: %v", port, !want)
		}
	}
	if !f.lets(22, []string{"eth0", "wg0"}) || !(*firewall)(nil).lets(22, nil) {
		t.Error("an interface, or no firewall, lets 22 through")
	}
	if readFirewall([]byte(strings.Replace(rules, "policy drop", "policy accept", 1))) != nil {
		t.Error("a policy of accept closes nothing")
	}
}

// lost is a machine in strict mode with n packages beside those of a system, and
// a plan that removes all that the lock does not hold.
func lost(t *testing.T, n int, holds ...string) Input {
	status := ""
	installed := map[string]spec.Installed{}
	var changes []spec.Change
	add := func(name, fields string, auto bool) {
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n%s\n", name, fields)
		installed[name] = spec.Installed{Version: "1", Auto: auto}
		if !slices.Contains(holds, name) {
			changes = append(changes, step(spec.KindPackage, name, spec.Delete, spec.Field{Name: "version", Before: "1"}))
		}
	}
	add("libc6", "", false)
	add("apt", "Depends: libc6 (>= 2.1), libapt | other\n", false)
	add("libapt", "", true)
	add("udev", "", false)
	add("vim", "Depends: vim-common (= 1), editor-doc:any\n", false)
	add("vim-common", "Provides: editor-doc (= 1)\n", true)
	add("lonely", "", true)
	for i := range n {
		add(fmt.Sprintf("x%02d", i), "", false)
	}
	return Input{
		Root: machineOf(t, map[string]string{"/var/lib/dpkg/status": status}), Prev: &spec.Host{},
		Want:  &spec.Host{Settings: spec.Settings{PackageMode: "strict", Hostctl: "/usr/bin/hostctl"}},
		State: &spec.State{Installed: installed}, Plan: &spec.Plan{Changes: changes},
	}
}

// TestStrictModeHasAGuard: an empty or torn lock does not take a machine apart.
func TestStrictModeHasAGuard(t *testing.T) {
	six := 6
	for name, c := range map[string]struct {
		n     int
		holds []string
		alter func(*Input)
		says  []string
	}{
		"an empty lock":  {n: 60, says: []string{`apt, libc6, udev would go`, "67 packages would go that nobody named, and 6 may"}},
		"a tenth may go": {n: 60, holds: append([]string{"libc6", "apt", "libapt", "udev"}, xs(57)...)},
		"one more than a tenth": {n: 60, holds: append([]string{"libc6", "apt", "libapt", "udev"}, xs(56)...),
			says: []string{"7 packages would go that nobody named, and 6 may, unless"}},
		"25 of many": {n: 400, holds: append([]string{"libc6", "apt", "libapt", "udev"}, xs(377)...), says: []string{"26 packages would go that nobody named, and 25 may"}},
		"by the policy": {n: 400, holds: append([]string{"libc6", "apt", "libapt", "udev"}, xs(396)...), alter: func(in *Input) { in.Want.Settings.MaxRemovals = &six },
			says: []string{"7 packages would go that nobody named, and 6 may, by policy.max_removals"}},
		"udev, by name":            {n: 60, holds: append([]string{"libc6", "apt", "libapt"}, xs(60)...), alter: func(in *Input) { in.Want.Packages = map[string]spec.Package{"udev": {Absent: true}} }},
		"udev, whose line is gone": {n: 60, holds: append([]string{"libc6", "apt", "libapt"}, xs(60)...), alter: func(in *Input) { in.Prev.Packages = map[string]spec.Package{"udev": {}} }},
		"the package of hostctl itself": {n: 60, holds: append([]string{"libc6", "apt", "libapt", "udev"}, xs(58)...), alter: func(in *Input) {
			file := in.Root.Path("/var/lib/dpkg/info/x59.list")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("/.\n/usr/bin/hostctl\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, says: []string{"x59 would go"}},
		"additive mode": {n: 60, alter: func(in *Input) { in.Want.Settings.PackageMode = "additive" }},
	} {
		in := lost(t, c.n, c.holds...)
		if c.alter != nil {
			c.alter(&in)
		}
		if err := Removals(in); err != nil {
			t.Fatal(err)
		}
		fits := len(in.Plan.Refused) == len(c.says)
		for i := range min(len(c.says), len(in.Plan.Refused)) {
			fits = fits && strings.Contains(in.Plan.Refused[i], c.says[i])
		}
		if !fits {
			t.Errorf("%s: it says\n%s\nand should say\n%s", name, strings.Join(in.Plan.Refused, "\n"), strings.Join(c.says, "\n"))
		}
	}
}

func xs(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("x%02d", i))
	}
	return out
}

// TestRemovalsSayWhy: each package that goes says why it is there, and the line
// that keeps them names what brings the others.
func TestRemovalsSayWhy(t *testing.T) {
	in := lost(t, 1, "libc6", "apt", "x00")
	in.Prev.Packages = map[string]spec.Package{"udev": {}}
	in.Prev.Origins = map[spec.ID]spec.Origin{{Kind: spec.KindPackage, Name: "udev"}: {File: "hosts/a.hcl", Line: 3}}
	if err := Removals(in); err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, c := range in.Plan.Changes {
		why[c.ID.Name] = c.Why
	}
	for name, want := range map[string]string{
		"libapt": "needed by what stays: apt", "udev": "asked for until now: hosts/a.hcl:3", "vim": "installed by hand or with the system",
		"vim-common": "needed by others that go: vim", "lonely": "came as a dependency, and nothing needs it any more",
	} {
		if why[name] != want {
			t.Errorf("%s: %q, want %q", name, why[name], want)
		}
	}
	if !slices.Equal(in.Plan.Keep, []string{"libapt", "lonely", "vim"}) {
		t.Errorf("packages = %q", in.Plan.Keep)
	}
}

// TestOthersAreNamed: who does not run this, and is kept out all the same, and a
// service that nobody reaches any more, are in the plan's warnings.
func TestOthersAreNamed(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	const dropIn = "/etc/ssh/sshd_config.d/10-hostctl.conf"
	in := Input{
		Root: machineOf(t, map[string]string{
			"/etc/passwd": "root:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\nsvc:x:1002:1002::/home/svc:/bin/sh\n",
			"/etc/shadow": "root:!:1::::::\nann:!:1::::::\nbob:$y$j9T$x:1::::::\nsvc:!:1::::::\n",
			"/etc/group":  "root:x:0:\nsudo:x:27:ann\n", "/etc/sudoers": "%sudo ALL=(ALL:ALL) ALL\n",
			"/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n", "/home/ann/.ssh/authorized_keys": keyA,
		}),
		Want: &spec.Host{Files: map[string]spec.File{
			dropIn: regular("PasswordAuthentication no\nKbdInteractiveAuthentication no\n"), spec.FirewallFile: regular("type filter hook input priority filter; policy drop;\ntcp dport { 22 } accept\n")}},
		Prev:  &spec.Host{},
		Plan:  &spec.Plan{Changes: []spec.Change{step(spec.KindFile, dropIn, spec.Create), step(spec.KindFile, spec.FirewallFile, spec.Create)}},
		State: &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}, "sudo": {}}},
	}
	if said, err := Lockout(t.Context(), in); err != nil || len(said) > 0 {
		t.Errorf("it locks out: %q, %v", said, err)
	}
	all := strings.Join(in.Plan.Warnings, "\n")
	if !strings.Contains(all, "the firewall closes TCP ports at which something listens:") || !strings.Contains(all, port) {
		t.Errorf("port %s is not named: %s", port, all)
	}
	if !strings.Contains(all, "sshd takes no password then of bob, and has no key of theirs") {
		t.Errorf("bob is not named: %s", all)
	}
}
