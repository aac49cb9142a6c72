package eval

import "testing"

const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0"

// hostctl warns if a configuration with keys lets nobody log in.
func TestSSHLoginIsWarnedOf(t *testing.T) {
	const server = "services {\n  openssh { enable = true }\n}\n"
	const keyed = "user \"alice\" { authorized_keys = [\"" + sshKey + "\"] }\nservices {\n  openssh {\n    enable = true\n    "
	const nobody, unread = "ssh_login; Nobody can log in", "ssh_keys_unread; No sshd reads the keys of alice"
	for _, c := range []evalCase{
		{name: "no user", files: server, warns: []string{nobody}},
		{name: "a user without keys", files: server + "user \"alice\" {}\n", warns: []string{nobody}},
		{name: "several, of a name that is computed", files: server + "user {\n  name = args.user\n}\nuser \"alice\" { authorized_keys = [] }\n", warns: []string{nobody}},
		{name: "a user with a key", files: server + "user \"bob\" {}\nuser \"alice\" { authorized_keys = [\"" + sshKey + "\"] }\n"},
		{name: "a key in a file of the home", files: server + "user \"alice\" {}\nhome \"alice\" {\n  file \".ssh/authorized_keys\" { content = \"" + sshKey + "\" }\n}\n"},
		{name: "a command that asks for keys", files: "services {\n  openssh {\n    enable   = true\n    settings = { AuthorizedKeysCommand = \"/usr/bin/sss_ssh_authorizedkeys\" }\n  }\n}\n"},
		{name: "passwords said off as sshd writes it", files: "services {\n  openssh {\n    enable   = true\n    settings = { PasswordAuthentication = \"no\" }\n  }\n}\n", warns: []string{nobody}},
		{name: "passwords on", files: "services {\n  openssh {\n    enable   = true\n    settings = { PasswordAuthentication = true }\n  }\n}\n"},
		{name: "passwords on for some", files: "services {\n  openssh {\n    enable = true\n    match \"Address 10.0.0.0/8\" { settings = { PasswordAuthentication = true } }\n  }\n}\n"},
		{name: "other settings for some", files: "services {\n  openssh {\n    enable = true\n    match \"User git\" { settings = { X11Forwarding = true } }\n  }\n}\n", warns: []string{nobody}},
		{name: "a command that asks for keys, for some", files: "services {\n  openssh {\n    enable = true\n    match \"Group staff\" { settings = { AuthorizedKeysCommand = \"/usr/bin/sss_ssh_authorizedkeys\" } }\n  }\n}\n"},
		{name: "tickets in place of keys", files: "services {\n  openssh {\n    enable   = true\n    settings = { GSSAPIAuthentication = \"yes\" }\n  }\n}\n"},
		{name: "passwords through PAM's questions", files: "services {\n  openssh {\n    enable   = true\n    settings = { KbdInteractiveAuthentication = true }\n  }\n}\n"},
		{name: "keys on for some", files: keyed + "settings = { PubkeyAuthentication = false }\n    match \"User alice\" { settings = { PubkeyAuthentication = true } }\n  }\n}\n"},
		{name: "keys and no sshd", files: "user \"alice\" { authorized_keys = [\"" + sshKey + "\"] }\n", warns: []string{unread + ": they are written to /etc/ssh/authorized_keys.d, which Debian's sshd does not look into. Write services"}},
		{name: "keys and a sshd_config of one's own", files: "user \"alice\" { authorized_keys = [\"" + sshKey + "\"] }\nfile \"/etc/ssh/sshd_config.d/keys.conf\" { content = \"AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u\" }\n"},
		{name: "keys and a sshd_config of one's own that says nothing of them", files: "user \"alice\" { authorized_keys = [\"" + sshKey + "\"] }\nfile \"/etc/ssh/sshd_config.d/keys.conf\" { content = \"Port 2222\" }\n", warns: []string{unread}},
		{name: "keys in a folder that sshd is told not to read", files: "user \"alice\" { authorized_keys = [\"" + sshKey + "\"] }\nservices {\n  openssh {\n    enable   = true\n    settings = { AuthorizedKeysFile = \".ssh/authorized_keys\" }\n  }\n}\n",
			warns: []string{unread + ": they are written to /etc/ssh/authorized_keys.d, which services.openssh.settings.AuthorizedKeysFile does not name"}},
		{name: "a user that is to be gone", files: server + "user \"alice\" {\n  absent          = true\n  authorized_keys = [\"" + sshKey + "\"]\n}\n", warns: []string{nobody}},
		{name: "keys and no sshd, of a user that is to be gone", files: "user \"alice\" {\n  absent          = true\n  authorized_keys = [\"" + sshKey + "\"]\n}\n"},
		{name: "keys switched off", files: keyed + "settings = { PubkeyAuthentication = false }\n  }\n}\n", warns: []string{nobody + " over SSH with this configuration: passwords are off and so are keys"}},
		{name: "a list, whose first sshd takes", files: keyed + "settings = { AuthorizedKeysFile = [\"/etc/ssh/authorized_keys.d/%u\", \".ssh/authorized_keys\"] }\n  }\n}\n",
			warns: []string{"ssh_keys_file_list; sshd reads keys from /etc/ssh/authorized_keys.d/%u alone"}},
		{name: "a list, whose second sshd leaves", files: keyed + "settings = { AuthorizedKeysFile = [\".ssh/authorized_keys\", \"/etc/ssh/authorized_keys.d/%u\"] }\n  }\n}\n",
			warns: []string{unread, "ssh_keys_file_list; sshd reads keys from .ssh/authorized_keys alone"}},
		{name: "a list that is empty", files: keyed + "settings = { AuthorizedKeysFile = [] }\n  }\n}\n", warns: []string{unread}},
		{name: "a file of another name", files: keyed + "settings = { AuthorizedKeysFile = \"/etc/ssh/authorized_keys.d/%u.pub\" }\n  }\n}\n", warns: []string{unread}},
	} {
		t.Run(c.name, c.run)
	}
}
