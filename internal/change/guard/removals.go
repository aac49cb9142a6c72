package guard

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/login"
	"github.com/hostctl/hostctl/internal/spec"
)

// Without these no machine starts, lets people in, or can be mended by hostctl.
func essential() []string {
	return []string{
		"apt", "ca-certificates", "cryptsetup-initramfs", "dbus", "dbus-broker", "dbus-daemon", "dpkg", "dracut",
		"grub-cloud-amd64", "grub-efi-amd64", "grub-efi-amd64-signed", "grub-efi-arm64", "grub-efi-arm64-signed",
		"grub-efi-ia32", "grub-ieee1275", "grub-pc", "grub-xen", "init", "initramfs-tools", "kmod", "libc6",
		"libpam-systemd", "lvm2", "mdadm", "runit-init", "shim-signed", "sudo", "systemd", "systemd-boot", "systemd-sysv",
		"sysvinit-core", "udev", "zfs-dracut", "zfs-initramfs",
	}
}

// carriers are packages that bring a machine into its network and sessions to
// it, and the processes by which they show that they do (proc_pid_comm(5): 15
// characters).
func carriers() map[string][]string {
	return map[string][]string{
		"connman": {"connmand"}, "dhcpcd-base": {"dhcpcd"}, "dropbear-bin": {"dropbear"}, "ifupdown-ng": nil, "ifupdown": nil,
		"isc-dhcp-client": {"dhclient"}, "iwd": {"iwd"}, "netplan.io": nil, "network-manager": {"NetworkManager"},
		"openssh-server": {"sshd", "sshd-session"}, "openvpn": {"openvpn"}, "tailscale": {"tailscaled"},
		"wireguard-tools": nil, "wpasupplicant": {"wpa_supplicant"},
	}
}

// Without a policy of the configuration's, strict mode removes up to 25 packages,
// or a tenth of those that are installed where that is fewer.
const (
	mostRemovals = 25
	mostOfAll    = 10
)

// Reasons for which packages are there; what comes after ": " is particular to
// one.
const (
	whyAsked  = "asked for until now"
	whyAbsent = "said to be absent"
	whyByHand = "installed by hand or with the system"
	whyStays  = "needed by what stays"
	whyNeeded = "needed by others that go"
	whyNoOne  = "came as a dependency, and nothing needs it any more"
)

// Removals says in a plan why the packages that go are there, and which words of
// a configuration would keep them. In strict mode it refuses a plan that removes
// more than may go, or what no machine should lose; packages are named by
// package "x" { absent = true }, or by the line that asked for them and is gone.
func Removals(in Input) error {
	going := map[string]*spec.Change{}
	for i := range in.Plan.Changes {
		if c := &in.Plan.Changes[i]; c.ID.Kind == spec.KindPackage && c.Action == spec.Delete {
			going[c.ID.Name] = c
		}
	}
	if len(going) == 0 {
		return nil
	}
	needs, err := apt.Needs(in.Root)
	if err != nil {
		return err
	}
	in.reasons(going, needs)
	if in.Want.Settings.PackageMode != "strict" {
		return nil
	}
	var unasked, dear []string
	for _, name := range sorted(going) {
		if in.named(name) {
			continue
		}
		unasked = append(unasked, name)
		if slices.Contains(essential(), name) || in.carries(name) || isKernel(name) && !in.kernelStays() {
			dear = append(dear, name)
		}
	}
	own, err := goesWith(in, in.Want.Settings.Hostctl)
	if err != nil {
		return err
	}
	if own != "" && !slices.Contains(dear, own) && !in.named(own) {
		dear = append(dear, own)
	}
	in.Plan.Keep = keep(unasked, going, needs)
	in.refuse(unasked, dear)
	return nil
}

// named says whether somebody who wrote the configuration meant a package to go.
func (in Input) named(pkg string) bool {
	prev, asked := in.Prev.Packages[pkg]
	return in.Want.Packages[pkg].Absent || asked && !prev.Absent
}

// carries says whether a package carries the network, and with it the session.
func (in Input) carries(pkg string) bool {
	processes, ok := carriers()[pkg]
	return ok && in.Root == "/" && (processes == nil || login.Runs(processes...))
}

// isKernel tells a package with a kernel in it from those that only name the
// newest one, or hold its symbols.
func isKernel(pkg string) bool {
	version, ok := strings.CutPrefix(pkg, "linux-image-")
	return ok && version != "" && version[0] >= '0' && version[0] <= '9' && !strings.HasSuffix(version, "-dbg")
}

// kernelStays says whether the machine has a kernel after the plan.
func (in Input) kernelStays() bool {
	after := map[string]bool{}
	for name := range in.State.Installed {
		after[name] = true
	}
	for _, c := range in.Plan.Of(spec.KindPackage) {
		after[c.ID.Name] = c.Action != spec.Delete
	}
	for name, there := range after {
		if there && isKernel(name) {
			return true
		}
	}
	return false
}

func (in Input) refuse(unasked, dear []string) {
	refuse := func(format string, args ...any) {
		in.Plan.Refused = append(in.Plan.Refused, fmt.Sprintf(format, args...))
	}
	if len(dear) > 0 {
		refuse("%s would go, without which this machine or the way to it may not work; keep with %s, or name each with package \"NAME\" { absent = true }",
			strings.Join(dear, ", "), packagesLine(dear))
	}
	most, by := min(mostRemovals, len(in.State.Installed)/mostOfAll), "unless the configuration says another policy.max_removals"
	if said := in.Want.Settings.MaxRemovals; said != nil {
		most, by = *said, "by policy.max_removals"
	}
	if len(unasked) > most {
		refuse("%d packages would go that nobody named, and %d may, %s; look whether packages.lock is whole ('hostctl update')", len(unasked), most, by)
	}
}

// packagesLine is the line of a configuration that asks for packages.
func packagesLine(names []string) string {
	return fmt.Sprintf(`packages = ["%s"]`, strings.Join(names, `", "`))
}

// reasons says of each package that goes why it is there.
func (in Input) reasons(going map[string]*spec.Change, needs map[string][]string) {
	for name, c := range going {
		var stay, leave []string
		for by, wants := range needs {
			if !slices.Contains(wants, name) {
				continue
			}
			if going[by] == nil {
				stay = append(stay, by)
			} else {
				leave = append(leave, by)
			}
		}
		prev, asked := in.Prev.Packages[name]
		switch {
		case in.Want.Packages[name].Absent:
			c.Why = about(whyAbsent, in.Want.Origins[c.ID].String())
		case asked && !prev.Absent:
			c.Why = about(whyAsked, in.Prev.Origins[c.ID].String())
		case len(stay) > 0:
			c.Why = about(whyStays, some(stay))
		case len(leave) > 0:
			c.Why = about(whyNeeded, some(leave))
		case in.State.Installed[name].Auto:
			c.Why = whyNoOne
		default:
			c.Why = whyByHand
		}
	}
}

func about(reason, what string) string {
	if what == "" {
		return reason
	}
	return reason + ": " + what
}

// some are the first three names, by byte order, and how many more there are.
func some(names []string) string {
	const most = 3
	slices.Sort(names)
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// keep are the fewest of the packages with which all of them stay: those that
// nothing else needs, and one of each circle.
func keep(unasked []string, going map[string]*spec.Change, needs map[string][]string) []string {
	var out []string
	covered := map[string]bool{}
	var cover func(name string)
	cover = func(name string) {
		if covered[name] {
			return
		}
		covered[name] = true
		for _, n := range needs[name] {
			cover(n)
		}
	}
	take := func(name string) {
		if !covered[name] {
			out = append(out, name)
			cover(name)
		}
	}
	for _, name := range unasked {
		if !strings.HasPrefix(going[name].Why, whyNeeded) {
			take(name)
		}
	}
	for _, name := range unasked {
		take(name)
	}
	slices.Sort(out)
	return out
}

func sorted(m map[string]*spec.Change) []string { return slices.Sorted(maps.Keys(m)) }
