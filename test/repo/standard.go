package repo

// Standard is the set of packages that breaks what can break, in version 1 or
// 2. Each has the prefix dt- and stays below /usr/share/dt, /usr/bin and /etc.
func Standard(version string) []Package {
	return []Package{
		Base(version), Config(version), Shape(version), Linked(version), Daemon(version), Trigger(version),
		Failing(version), Thief(), Rival("dt-left", "dt-right"), Rival("dt-right", "dt-left"),
	}
}

// Base has a file that changes, one that version 2 lacks, and a dependency.
func Base(version string) Package {
	files := map[string]string{
		"/usr/bin/dt-base":          "#!/bin/sh\necho " + version + "\n",
		"/usr/share/dt/base/VALUE":  version + "\n",
		"/usr/share/dt/base/stable": "the same in both\n",
	}
	if version == "1" {
		files["/usr/share/dt/base/removed-in-2"] = "old\n"
	} else {
		files["/usr/share/dt/base/added-in-2"] = "new\n"
	}
	return Package{Name: "dt-base", Version: version, Files: files, Fields: map[string]string{"Depends": "dt-config"}}
}

// Config has a conffile that changes between the versions.
func Config(version string) Package {
	return Package{
		Name: "dt-config", Version: version, Conffiles: []string{"/etc/dt/config"},
		Files: map[string]string{"/etc/dt/config": "version = " + version + "\n"},
	}
}

// Shape has a folder in version 1 that is a file in version 2 (engine rule 10).
func Shape(version string) Package {
	p := Package{Name: "dt-shape", Version: version, Files: map[string]string{"/usr/share/dt/shape/a/inner": "1\n"}}
	if version != "1" {
		p.Files = map[string]string{"/usr/share/dt/shape/a": version + "\n"}
	}
	return p
}

// Linked has three hard links to one file, and a file with a capability. It needs
// setcap(8) and does not depend on its package, so that the repository stays
// closed.
func Linked(version string) Package {
	return Package{
		Name: "dt-linked", Version: version,
		Files: map[string]string{
			"/usr/share/dt/linked/one": "content of version " + version + "\n",
			"/usr/bin/dt-capable":      "#!/bin/sh\necho " + version + "\n",
		},
		Links: map[string]string{
			"/usr/share/dt/linked/two":   "/usr/share/dt/linked/one",
			"/usr/share/dt/linked/three": "/usr/share/dt/linked/one",
		},
		Capability: map[string]string{"/usr/bin/dt-capable": "cap_net_raw+ep"},
	}
}

// Daemon makes state in its postinst and asks for its service as debhelper's
// scripts do (deb-systemd-invoke(1p)).
func Daemon(version string) Package {
	return Package{
		Name: "dt-daemon", Version: version,
		Files: map[string]string{
			"/usr/lib/systemd/system/dt-daemon.service": "[Unit]\nDescription=Test daemon " + version +
				"\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
		},
		Scripts: map[string]string{
			"postinst": `#!/bin/sh
set -e
if [ "$1" = configure ]; then
	mkdir -p /var/lib/dt-daemon
	[ -e /var/lib/dt-daemon/created ] || echo ` + version + ` > /var/lib/dt-daemon/created
	deb-systemd-helper enable dt-daemon.service >/dev/null
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		action=start
		[ -z "$2" ] || action=restart
		deb-systemd-invoke $action dt-daemon.service >/dev/null || true
	fi
fi
`,
			"prerm": `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke stop dt-daemon.service >/dev/null || true
fi
`,
			"postrm": `#!/bin/sh
set -e
if [ "$1" = purge ]; then
	deb-systemd-helper purge dt-daemon.service >/dev/null || true
	rm -rf /var/lib/dt-daemon
fi
`,
		},
	}
}

// Trigger counts in its postinst how often the folder of Base was touched.
func Trigger(version string) Package {
	return Package{
		Name: "dt-trigger", Version: version,
		Files: map[string]string{"/usr/share/dt/trigger/": ""},
		Scripts: map[string]string{
			"triggers": "interest-noawait /usr/share/dt/base\n",
			"postinst": "#!/bin/sh\nset -e\nif [ \"$1\" = triggered ]; then mkdir -p /var/lib/dt-trigger && echo \"$2\" >> /var/lib/dt-trigger/log; fi\n",
		},
	}
}

// Failing has a postinst that fails in version 2.
func Failing(version string) Package {
	script := "#!/bin/sh\nexit 0\n"
	if version != "1" {
		script = "#!/bin/sh\necho dt-failing: this postinst fails on purpose >&2\nexit 7\n"
	}
	return Package{
		Name: "dt-failing", Version: version, Scripts: map[string]string{"postinst": script},
		Files: map[string]string{"/usr/share/dt/failing": version + "\n"},
	}
}

// Thief has a file of Base, without Replaces.
func Thief() Package {
	return Package{Name: "dt-thief", Version: "1", Files: map[string]string{"/usr/share/dt/base/VALUE": "stolen\n"}}
}

// Rival conflicts with another package: only one of the two can be there.
func Rival(name, other string) Package {
	return Package{
		Name: name, Version: "1", Fields: map[string]string{"Conflicts": other},
		Files: map[string]string{"/usr/share/dt/" + name: name + "\n"},
	}
}
