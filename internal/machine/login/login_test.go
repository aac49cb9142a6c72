package login

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/account"
)

// texts are files by path.
type texts map[string]string

func (t texts) Read(p string) ([]byte, error) {
	if s, ok := t[p]; ok {
		return []byte(s), nil
	}
	return nil, nil
}

func (t texts) Names(dir string) ([]string, error) {
	var out []string
	for p := range t {
		if path.Dir(p) == dir {
			out = append(out, path.Base(p))
		}
	}
	slices.Sort(out)
	return out, nil
}

func people() Accounts {
	user := func(name string, id int) account.PasswdEntry {
		return account.PasswdEntry{Name: name, UID: id, GID: id, Home: "/home/" + name, Shell: "/bin/bash"}
	}
	return Accounts{
		Users:  map[string]account.PasswdEntry{"root": {Name: "root", Home: "/root"}, "ann": user("ann", 1000), "bob": user("bob", 1001), "eve": user("eve", 1002)},
		Groups: map[string]account.GroupEntry{"sudo": {Name: "sudo", GID: 27, Members: []string{"ann"}}, "ops": {Name: "ops", GID: 1001}},
	}
}

// TestSSHD: of a key the first value counts, includes stand where they are said,
// and what is below Match is not for everybody.
func TestSSHD(t *testing.T) {
	for name, c := range map[string]struct {
		files     texts
		ports     []uint16
		passwords bool
		keys      []string
	}{
		"nothing is said": {texts{}, []uint16{22}, true, []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}},
		"Debian's": {texts{sshdConfig: "Include /etc/ssh/sshd_config.d/*.conf\n#Port 22\nKbdInteractiveAuthentication no\nUsePAM yes\n"},
			[]uint16{22}, true, []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}},
		"an include comes first": {texts{sshdConfig: "Include sshd_config.d/*.conf\nPort 2222\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n",
			"/etc/ssh/sshd_config.d/10-a.conf": "Port 22\nPasswordAuthentication no\n", "/etc/ssh/sshd_config.d/x.disabled": "Port 1\n"},
			[]uint16{22, 2222}, false, []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}},
		"Match": {texts{sshdConfig: "KbdInteractiveAuthentication no\nMatch User ann\n PasswordAuthentication yes\nMatch all\npasswordauthentication=no\nAuthorizedKeysFile \"/keys/%u\" .k # mine\n"},
			[]uint16{22}, false, []string{"/keys/%u", ".k"}},
		"PAM asks":    {texts{sshdConfig: "PasswordAuthentication no\nUsePAM yes\n"}, []uint16{22}, true, []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}},
		"no keys":     {texts{sshdConfig: "PubkeyAuthentication no\n"}, []uint16{22}, true, nil},
		"in a circle": {texts{sshdConfig: "Include /etc/ssh/sshd_config\nPort 5\n"}, slices.Repeat([]uint16{5}, 17), true, []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}},
	} {
		s, err := ReadSSHD(c.files)
		if err != nil || !slices.Equal(s.Ports, c.ports) || s.Passwords != c.passwords || !slices.Equal(s.KeyFiles, c.keys) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0"

func TestKeys(t *testing.T) {
	files := texts{"/home/ann/.ssh/authorized_keys": "# mine\n\n" + key + " ann\nssh-ed25519 A\n", "/root/.ssh/authorized_keys": key + "\n", "/etc/k/ann": key}
	for config, want := range map[string]struct{ ann, root int }{
		"":                         {1, 1},
		"PermitRootLogin no\n":     {1, 0},
		"AllowUsers bob a*@10.*\n": {1, 0},
		"AllowGroups ops\n":        {0, 0},
		"DenyGroups sudo\n":        {0, 1},
		"AuthorizedKeysFile /etc/k/%u .ssh/authorized_keys none\n": {2, 1},
		"AuthorizedKeysFile %h/.ssh/authorized_keys\n":             {1, 1},
	} {
		files[sshdConfig] = config
		s, err := ReadSSHD(files)
		if err != nil {
			t.Fatal(err)
		}
		ann, err := Keys(files, s, people(), "ann")
		root, err2 := Keys(files, s, people(), "root")
		nobody, err3 := Keys(files, s, people(), "nobody")
		if err != nil || err2 != nil || err3 != nil || len(ann) != want.ann || len(root) != want.root || len(nobody) != 0 {
			t.Errorf("%q: ann has %q, root %q", config, ann, root)
		}
	}
}

// TestListenAddress: sshd listens where it says, each address at its port or at
// all of them.
func TestListenAddress(t *testing.T) {
	for config, want := range map[string]bool{
		"": true, "ListenAddress 127.0.0.1\n": false, "ListenAddress 0.0.0.0\n": true, "ListenAddress ::\n": false,
		"ListenAddress 127.0.0.1\nListenAddress 192.0.2.1\n": true, "ListenAddress 192.0.2.1:2222\n": false,
		"Port 2222\nListenAddress [192.0.2.1]:22\n": true, "Port 2222\nListenAddress 192.0.2.1\n": false,
		"ListenAddress localhost\n": false, "ListenAddress a.example\n": true,
	} {
		s, err := ReadSSHD(texts{sshdConfig: config})
		if err != nil || s.Listens(netip.MustParseAddrPort("192.0.2.1:22")) != want {
			t.Errorf("%q: %v, %v", config, !want, err)
		}
	}
}

// TestAdmins: only who may run any command administers a machine.
func TestAdmins(t *testing.T) {
	const debian = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"
	for rule, want := range map[string][]string{
		"":                                             {"ann"},
		"bob ALL=(ALL) NOPASSWD: ALL\n":                {"ann", "bob"},
		"bob ALL=(root) /usr/bin/rsync\n":              {"ann"},
		"%ops ALL = NOPASSWD:SETENV: ALL\n":            {"ann", "bob"},
		"bob , eve  ALL=(ALL:ALL) \\\n  ALL\n":         {"ann", "bob", "eve"},
		"User_Alias A = bob : B = eve, A\nB ALL=ALL\n": {"ann", "bob", "eve"},
		"#bob ALL=ALL\n":                               {"ann"},
		"bob ALL=(ALL) ALL # as ann\n":                 {"ann", "bob"},
		"bob ALL=(postgres) ALL\n":                     {"ann"},
		"bob ALL=(ALL, !root) ALL\n":                   {"ann"},
		"Runas_Alias R = root\nbob ALL=(R) ALL\n":      {"ann", "bob"},
		"bob ALL=(: adm) ALL\n":                        {"ann"},
		"Cmnd_Alias ALLOW=/bin/ls\n":                   {"ann"},
	} {
		got, err := Admins(texts{sudoers: debian, "/etc/sudoers.d/x": rule, "/etc/sudoers.d/x.bak": "eve ALL=ALL"}, people())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", rule, got, err)
		}
	}
}

// TestListening asks the real kernel about a real socket.
func TestListening(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	if got, err := Listening([]uint16{at.Port()}); err != nil || !slices.Contains(got, at) {
		t.Errorf("%v, %v; %v is not there", got, err, at)
	}
	if got, err := Listening(nil); err != nil || slices.Contains(got, at) {
		t.Errorf("%v, %v: that is not sshd's", got, err)
	}
	for text, want := range map[string]string{"0100007F:0016": "127.0.0.1:22", "00000000000000000000000000000000:08AE": "[::]:2222", "0000000000000000FFFF00000100007F:0016": "127.0.0.1:22"} {
		if got, err := address(text); err != nil || got != netip.MustParseAddrPort(want) {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
}
