package library

// Elsewhere maps the NixOS name of a thing to advice on how to write it here.
// Names are paths that are no options, in lower case and without underscores;
// "*" is any name below.
func Elsewhere() map[string]string {
	unit := func(kind string) string {
		return `Write the unit as systemd reads it: unit "NAME.` + kind + `" { content = ... }, or enable one that a package installs: unit "NAME.` + kind + `" { enabled = true }.`
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
		"system.stateversion":        "There is no state version: leave it out. The debian input in flake.hcl sets the release.",
		"stateversion":               "There is no state version: leave it out. The debian input in flake.hcl sets the release.",
		"nixpkgs":                    "The inputs in flake.hcl say where packages come from.",
		"nix":                        "There is no Nix here: leave it out. hostctl { gc { ... } } deletes old generations.",
		"homemanager":                `Write home "NAME" { ... }, at the top.`,
		"sops":                       `Write secret "NAME" {} and secrets { default_file = ... }, at the top.`,
		"filesystems":                `Write mount "/PATH" { source = ... }, at the top.`,
		"services.*":                 `There is no module of that name. Write out what a module would do: packages = ["NAME"], file "/etc/NAME.conf" { content = ... } and unit "NAME.service" { enabled = true }.`,
		"programs.*":                 `There is no module of that name. Write packages = ["NAME"], and file "/etc/NAME.conf" { content = ... } for its settings.`,
	}
}
