package library

// Elsewhere maps what NixOS calls a thing to the words that lead to it here:
// paths of what is no option, in lower case and without underscores. "*" is any
// name below.
func Elsewhere() map[string]string {
	unit := func(kind string) string {
		return `Units are systemd's own files: unit "NAME.` + kind + `" { content = ... }, or one that a package brings: unit "NAME.` + kind + `" { enabled = true }.`
	}
	return map[string]string{
		"users.users":                `Write user "NAME" { ... }, at the top.`,
		"users.*":                    `Write user "NAME" { ... }, at the top.`,
		"users.groups":               `Write group "NAME" {}, at the top.`,
		"users.extrausers":           `Write user "NAME" { ... }, at the top.`,
		"users.defaultusershell":     `Write users { default_shell = "zsh" }.`,
		"environment.systempackages": `Write environment { packages = ["git"] }, or packages = ["git"] at the top, with Debian's names.`,
		"environment.etc":            `Write file "/etc/NAME" { content = ... }, at the top.`,
		"environment.variables":      `Write environment { session_variables = { NAME = "VALUE" } }.`,
		"systemd.services":           unit("service"),
		"systemd.timers":             unit("timer"),
		"systemd.sockets":            unit("socket"),
		"systemd.paths":              unit("path"),
		"systemd.mounts":             unit("mount"),
		"systemd.targets":            unit("target"),
		"systemd.user":               `Write file "/etc/systemd/user/NAME.service" { content = ... }, at the top.`,
		"boot.kernel":                `Write sysctl = { "net.ipv4.ip_forward" = 1 }, at the top.`,
		"boot.kernelmodules":         `Write kernel_module = ["NAME"], at the top.`,
		"system.stateversion":        "There is no state version: leave it out. The release is that of the debian input in flake.hcl.",
		"stateversion":               "There is no state version: leave it out. The release is that of the debian input in flake.hcl.",
		"nixpkgs":                    "Where packages come from is said by the inputs of flake.hcl.",
		"nix":                        "There is no Nix here: leave it out. What becomes of old generations says hostctl { gc { ... } }.",
		"homemanager":                `Write home "NAME" { ... }, at the top.`,
		"sops":                       `Write secret "NAME" {} and secrets { default_file = ... }, at the top.`,
		"filesystems":                `Write mount "/PATH" { source = ... }, at the top.`,
		"services.*":                 `No module is called so. What every module does can be written out: packages = ["NAME"], file "/etc/NAME.conf" { content = ... } and unit "NAME.service" { enabled = true }.`,
		"programs.*":                 `No module is called so. Write packages = ["NAME"], and file "/etc/NAME.conf" { content = ... } for its settings.`,
	}
}
