package cli

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/library"
)

func libraryOptions(t *testing.T) []eval.OptionDoc {
	t.Helper()
	c, diags := eval.Options(context.Background(), nil, nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c.Options
}

// What has identity is a map in the library, so that another file can change one of
// them (language rule 17).
func TestNoListsOfObjects(t *testing.T) {
	for _, o := range libraryOptions(t) {
		if strings.Contains(o.Type, "list(object") || strings.Contains(o.Type, "set(object") {
			t.Errorf("%s is a %s", o.Path, o.Type)
		}
	}
}

// What people from plain Debian, Ansible, Terraform and NixOS type leads to the
// option that is meant: it is the first, or of several in any order the first ones.
func TestSearchFindsWhatPeopleMean(t *testing.T) {
	options := libraryOptions(t)
	for _, c := range []struct{ questions, want string }{
		{"timezone, time zone, TZ, timedatectl, time.timeZone, time_zone, set the timezone", "time.time_zone"},
		{"cron, cronjob, crontab, cron job, timer, systemd timer, systemd.timers, scheduled task", "unit.*.content"},
		{"cron.hourly, cron.daily, /etc/cron.d", "file.*.content"},
		{"dns, nameserver, resolv.conf", "networking.networkmanager.profile.*.content file.*.content networking.hosts"},
		{"static ip, ip address, netplan, /etc/network/interfaces, dhcp, bridge, vlan, wifi, wlan, wifi password", "networking.networkmanager.profile.*.content"},
		{"sudo without password, passwordless sudo, nopasswd, sudoers, sudoers file", "security.sudo.extra_config"},
		{"auto update, automatic updates, unattended upgrades, unattended-upgrades, system.autoUpgrade, auto upgrade", "system.auto_upgrade.enable"},
		{"add user, useradd, create user, users.users, new user", "user.*.groups user.*.shell user.*.authorized_keys"},
		{"password, user password, set password, hashed password, hashedPasswordFile, root password", "user.*.hashed_password_file"},
		{"login shell, chsh, user shell", "user.*.shell"},
		{"default shell, users.defaultUserShell", "users.default_shell"},
		{"hostname, host name, hostnamectl, networking.hostName, set hostname", "networking.host_name"},
		{"authorized keys, authorized_keys, authorized_key, ssh key, ssh keys, public key, openssh.authorizedKeys.keys", "user.*.authorized_keys"},
		{"ssh port, sshd port, services.openssh.ports, change ssh port", "services.openssh.ports"},
		{"ssh, sshd, openssh, ssh server", "services.openssh.enable"},
		{"permitrootlogin, PermitRootLogin no, disable root login, sshd_config, services.openssh.settings.PermitRootLogin", "services.openssh.settings"},
		{"firewall, ufw, iptables, nftables, firewalld, networking.firewall.enable", "networking.firewall.enable"},
		{"firewall open port, open port, open port 443, allow port, networking.firewall.allowedTCPPorts", "networking.firewall.allowed_tcp_ports"},
		{"ntp, chrony, time server", "services.ntp.enable"},
		{"swap, swapfile, swap file, swapDevices", "swap.*.size"},
		{"docker, install docker, containers, virtualisation.docker.enable, docker daemon", "virtualisation.docker.enable"},
		{"printing, printer, cups", "packages"},
		{"nginx, install nginx, postgresql, web server", "packages"},
		{"bluetooth, hardware.bluetooth.enable, bluez", "hardware.bluetooth.enable"},
		{"keyboard layout, keymap, console.keyMap, xkb", "console.keyboard_layout"},
		{"locale, language, i18n.defaultLocale, lang", "i18n.default_locale"},
		{"apt repository, ppa, sources.list, apt_repository, backports, add apt repository", "package.*.from"},
		{"package, install package, apt install, environment.systemPackages, packages, apt", "packages environment.packages"},
		{"remove package, uninstall, purge", "package.*.absent"},
		{"mount, fstab, fileSystems, mount disk, nfs, nfs share, cifs", "mount.*.source mount.*.fstype mount.*.options"},
		{"motd, /etc/motd, message of the day, banner", "file.*.content"},
		{"copy file, environment.etc, lineinfile, write file", "file.*.content file.*.source file.*.mode"},
		{"symlink, symbolic link", "file.*.symlink"},
		{"chmod, file permissions", "file.*.mode"},
		{"environment variable, environment variables, /etc/environment, env, environment.variables", "environment.session_variables"},
		{"alias, shell aliases, environment.shellAliases", "environment.shell_aliases"},
		{"systemd.services, systemd service, unit file, systemd unit", "unit.*.content"},
		{"enable service, start on boot, systemctl enable, enabled", "unit.*.enabled"},
		{"disable service, mask service", "unit.*.masked"},
		{"drop-in, systemd override, systemctl edit", "unit.*.drop_in"},
		{"restart service, handlers", "unit.*.restart_triggers"},
		{"kernel parameters, kernel params, boot.kernelParams, cmdline", "boot.kernel_params"},
		{"sysctl, sysctl.conf, boot.kernel.sysctl, ip forwarding, swappiness", "sysctl"},
		{"modprobe blacklist, blacklist module, modprobe.d", "boot.extra_modprobe_config"},
		{"kernel module, load kernel module, boot.kernelModules, /etc/modules", "kernel_module"},
		{"hosts file, /etc/hosts, networking.extraHosts, hosts", "networking.hosts"},
		{"groups, add user to group, users.groups, extraGroups, usermod, docker group", "user.*.groups group.*.gid"},
		{"create group, groupadd", "group.*.gid"},
		{"delete user, userdel", "user.*.absent"},
		{"home directory", "user.*.home"},
		{"dotfiles, bashrc, home manager", "home.*.file.*.content"},
		{"secrets, sops, vault", "secret.*.file"},
		{"grub, bootloader, grub timeout", "boot.loader.timeout"},
		{"disk encryption, luks", "disk.*.partition.*.encryption"},
		{"partition, disko", "disk.*.partition.*.size"},
		{"vm, kvm, libvirt, virtual machines", "virtualisation.libvirtd.enable"},
		{"sound, audio, pipewire, sound.enable", "services.pipewire.enable"},
		{"pulseaudio", "services.pulseaudio.enable services.pipewire.enable services.pipewire.pulse.enable"},
		{"font, fonts, install fonts", "fonts.packages"},
		{"garbage collection, nix.gc, old generations", "hostctl.gc.enable"},
		{"ssd, trim, fstrim", "services.fstrim.enable"},
		{"impermanence, persistence", "persistence.*.directories"},
		{"udev rules, services.udev.extraRules", "services.udev.rules"},
		{"tmpfiles, systemd.tmpfiles.rules", "systemd.tmpfiles.rules"},
		{"git config, programs.git.config", "programs.git.settings"},
		{"zsh, oh-my-zsh", "programs.zsh.enable"},
		{"gpu, opengl, hardware.opengl", "hardware.graphics.enable"},
		{"fingerprint", "services.fprintd.enable"},
		{"scanner", "hardware.sane.enable"},
		{"ipv6, disable ipv6", "networking.enable_ipv6"},
	} {
		wanted := strings.Fields(c.want)
		for q := range strings.SplitSeq(c.questions, ", ") {
			found, _ := newSearch(options, q).best()
			var paths []string
			for _, o := range found[:min(len(found), len(wanted))] {
				paths = append(paths, o.Path)
			}
			if !slices.ContainsFunc(paths, func(p string) bool { return slices.Contains(wanted, p) }) {
				t.Errorf("%q finds %v first, want %v", q, paths, wanted)
			}
		}
	}
}

// A word of an option's path or description finds it still, and every word counts.
func TestSearchByWords(t *testing.T) {
	options := libraryOptions(t)
	for _, o := range options {
		first := strings.Fields(o.Path + " " + o.Description)
		for _, q := range []string{o.Path, strings.ToUpper(o.Path), strings.Join(first[:min(4, len(first))], " ")} {
			found, _ := newSearch(options, q).best()
			if !slices.ContainsFunc(found, func(f eval.OptionDoc) bool { return f.Path == o.Path }) {
				t.Errorf("%q does not find %s", q, o.Path)
			}
		}
		if found, _ := newSearch(options, o.Path+" xyzzy").best(); len(found) > 0 {
			t.Errorf("%s with a word that is nowhere finds %v", o.Path, found)
		}
	}
	for _, q := range []string{"", ".", "the", "a b c d e f", "\x00", "ſ"} {
		newSearch(options, q).best() // whatever it finds
	}
}

// The list of synonyms names options that there are, each phrase once, and what
// its notes say to write is a valid module.
func TestSynonyms(t *testing.T) {
	options := libraryOptions(t)
	said := map[string]bool{}
	for _, m := range library.Meanings() {
		for _, path := range m.Options {
			if !slices.ContainsFunc(options, func(o eval.OptionDoc) bool { return o.Path == path }) {
				t.Errorf("there is no option %s", path)
			}
		}
		for _, p := range m.Phrases {
			if key := strings.Join(wordsOf(p), ""); said[key] || key == "" {
				t.Errorf("%q is there twice, or is nothing", p)
			} else {
				said[key] = true
			}
			if found, _ := newSearch(options, p).best(); len(found) == 0 || found[0].Path != m.Options[0] {
				t.Errorf("%q does not lead to %s", p, m.Options[0])
			}
		}
		var module strings.Builder
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m.Note, -1) {
			module.WriteString(code[1] + "\n")
		}
		validates(t, module.String())
	}
}

func validates(t *testing.T, module string) {
	t.Helper()
	if module == "" {
		return
	}
	dir := t.TempDir()
	t.Chdir(dir)
	writeTestFile(t, "flake.hcl", []byte("host \"h\" { modules = [\"./h.hcl\"] }\n"))
	writeTestFile(t, "h.hcl", []byte(module))
	var out bytes.Buffer
	if code := Run([]string{"validate"}, strings.NewReader(""), &out, &out); code != exitOK || strings.Contains(out.String(), "Warning") {
		t.Errorf("%s\n%s", module, out.String())
	}
}

// A question without an answer is told what to do next.
func TestSearchFindsNothing(t *testing.T) {
	options := libraryOptions(t)
	for q, want := range map[string]string{
		"timezome":           `cannot find an option that speaks of "timezome"; did you mean "timezone"?`,
		"firwall open port":  `did you mean "firewall open port"?`,
		"openssh xyzzy":      `cannot find an option that speaks of "openssh xyzzy"; 'hostctl options search openssh' finds some`,
		"nginx virtual host": `'hostctl options search nginx' finds some`,
		"xyzzy":              "cannot find an option that speaks of \"xyzzy\"\n'hostctl options' lists all. What has no option of its own is written out: packages = [",
	} {
		s := newSearch(options, q)
		if found, _ := s.best(); len(found) > 0 {
			t.Errorf("%q finds %v", q, found)
		}
		if err := s.nothing(q); !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", q, err, want)
		}
	}
}
