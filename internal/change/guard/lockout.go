// Package guard looks at a plan for what a person has to agree to first, beyond a
// yes: changes after which nobody, or not whoever runs hostctl, can log in, and
// packages that go without anybody having meant it. It reads the machine, and
// changes nothing.
package guard

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/machine/login"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Input is a plan, and what it was made from.
type Input struct {
	Root       system.Root
	Want, Prev *spec.Host
	Plan       *spec.Plan
	State      *spec.State
	Blob       func(digest string) ([]byte, error) // contents of Want's files
	Along      map[string]string                   // digests of the configuration files that a recorded way brings, "" for none; the spec does not say them
	Accounts   account.Files                       // the account files to which a recorded way leads; nil without one
	Person     Person
}

// Person is who runs hostctl.
type Person struct {
	Account string         // that logged in; "" is not known
	Through netip.AddrPort // this machine's end of the SSH connection; not valid: another way
}

// remote says whether the person came over the network.
func (p Person) remote() bool { return p.Through.IsValid() && !p.Through.Addr().IsLoopback() }

// view is how people get in, at one time.
type view struct {
	files    login.Files
	accounts login.Accounts
	sshd     *login.SSHD // nil: there is none
	admins   []string    // who may do anything with sudo
	firewall *firewall
	locked   map[string]bool // accounts for which no password is right

	shellGoes map[string]string // accounts whose shell goes with a package, which is named
}

// Lockout says in which ways a plan for the running machine may keep people from
// logging in who can do so now. The plan's warnings name the files that it could
// not read.
func Lockout(ctx context.Context, in Input) ([]string, error) {
	live := now{in.Root, map[string]error{}}
	before, after, err := views(in, live)
	if err != nil {
		return nil, fmt.Errorf("cannot tell whether the plan locks somebody out: %w", err)
	}
	var out []string
	for _, look := range []func(Input, view, view) ([]string, error){ports, server, passwords, shells, person} {
		found, err := look(in, before, after)
		if err != nil {
			return nil, fmt.Errorf("cannot tell whether the plan locks somebody out: %w", err)
		}
		out = append(out, found...)
	}
	root, err := otherRoot(ctx, in, after)
	if err != nil {
		return nil, fmt.Errorf("cannot tell whether the plan locks somebody out: %w", err)
	}
	out = append(out, root...)
	for _, p := range slices.Sorted(maps.Keys(live.unread)) {
		in.Plan.Warnings = append(in.Plan.Warnings,
			fmt.Sprintf("cannot read %s: %v; whether the plan locks somebody out is told as if nothing were there", p, live.unread[p]))
	}
	return out, nil
}

func views(in Input, live now) (before, after view, err error) {
	before.files, after.files = live, newLater(in, live)
	files, err := account.Read(in.Root)
	if err != nil {
		return before, after, err
	}
	before.accounts, after.accounts = accounts(in, files)
	before.locked, after.locked = lockedPasswords(in, files)
	for _, v := range []*view{&before, &after} {
		has := in.hasNow
		if v == &after {
			has = in.hasLater
		}
		if has("openssh-server") {
			if v.sshd, err = login.ReadSSHD(v.files); err != nil {
				return before, after, err
			}
		}
		if has("sudo") {
			if v.admins, err = login.Admins(v.files, v.accounts); err != nil {
				return before, after, err
			}
		}
		rules, err := v.files.Read(spec.FirewallFile)
		if err != nil {
			return before, after, err
		}
		v.firewall = readFirewall(rules)
	}
	after.shellGoes, err = in.shellsThatGo(after.accounts)
	return before, after, err
}

func (in Input) hasNow(pkg string) bool {
	_, ok := in.State.Installed[pkg]
	return ok
}

func (in Input) hasLater(pkg string) bool {
	has := in.hasNow(pkg)
	for _, c := range in.Plan.Of(spec.KindPackage) {
		if c.ID.Name == pkg {
			has = c.Action != spec.Delete
		}
	}
	return has
}

// otherRoot finds a kernel's command line that leads to another root than the one
// that the machine has: nobody logs in to what does not start.
func otherRoot(ctx context.Context, in Input, after view) ([]string, error) {
	_, along := in.Along[bootloader.Cmdline]
	if !along && !slices.ContainsFunc(in.Plan.Of(spec.KindFile), func(c spec.Change) bool { return c.ID.Name == bootloader.Cmdline }) {
		return nil, nil
	}
	options, err := after.files.Read(bootloader.Cmdline)
	if err != nil {
		return nil, err
	}
	root, err := bootloader.OtherRoot(ctx, string(options))
	if err != nil || root == "" {
		return nil, err
	}
	return []string{fmt.Sprintf("the next boot looks for its root at root=%s, which is not the root of this machine, and ends there; boot.root says it, and /proc/cmdline has the present one", root)}, nil
}

// ports finds those through which people come in, and which the firewall closes.
func ports(in Input, before, after view) ([]string, error) {
	if after.firewall == nil {
		return nil, nil
	}
	about := map[uint16][]string{}
	note := func(at netip.AddrPort, what string) error {
		port := at.Port()
		is, err := shuts(before.firewall, after.firewall, at)
		if is && !slices.Contains(about[port], what) {
			about[port] = append(about[port], what)
		}
		return err
	}
	if before.sshd != nil {
		listening, err := login.Listening(before.sshd.Ports)
		if err != nil {
			return nil, err
		}
		for _, at := range listening {
			if err := note(at, "on which sshd listens"); err != nil {
				return nil, err
			}
		}
	}
	if in.Person.remote() {
		if err := note(in.Person.Through, "through which this session came"); err != nil {
			return nil, err
		}
	}
	var out []string
	for _, port := range slices.Sorted(maps.Keys(about)) {
		out = append(out, fmt.Sprintf("the firewall closes port %d, %s; services.openssh.ports or networking.firewall.allowed_tcp_ports opens it", port, strings.Join(about[port], " and ")))
	}
	return out, closes(in, before, after, about)
}

// closes warns of other ports that the firewall closes and at which something
// waits: nobody is locked out, and a website is gone.
func closes(in Input, before, after view, told map[uint16][]string) error {
	waiting, err := login.Ports()
	if err != nil {
		return err
	}
	var closed []string
	for _, at := range waiting {
		is, err := shuts(before.firewall, after.firewall, at)
		if err != nil {
			return err
		}
		port := strconv.Itoa(int(at.Port()))
		if is && told[at.Port()] == nil && !slices.Contains(closed, port) {
			closed = append(closed, port)
		}
	}
	if len(closed) > 0 {
		in.Plan.Warnings = append(in.Plan.Warnings, fmt.Sprintf("the firewall closes TCP ports at which something listens: %s; networking.firewall.allowed_tcp_ports opens them", strings.Join(closed, ", ")))
	}
	return nil
}

// server finds that sshd, through which the session came, is no longer where it
// was.
func server(in Input, before, after view) ([]string, error) {
	if !in.Person.Through.IsValid() || before.sshd == nil {
		return nil, nil
	}
	if after.sshd == nil {
		return []string{"package openssh-server goes, and this session came through it"}, nil
	}
	service, serviceOff := in.unit("ssh.service")
	socket, socketOff := in.unit("ssh.socket")
	switch {
	case in.masks("ssh.service"): // ssh.socket could not start it either
		return []string{"ssh.service is masked, and this session came through it"}, nil
	case service || socket:
	case serviceOff:
		return []string{"ssh.service goes off, and this session came through it"}, nil
	case socketOff:
		return []string{"ssh.socket goes off, and this session came through it"}, nil
	}
	port := in.Person.Through.Port()
	if slices.Contains(before.sshd.Ports, port) && !slices.Contains(after.sshd.Ports, port) {
		return []string{fmt.Sprintf("sshd stops listening on port %d, through which this session came", port)}, nil
	}
	if through := in.Person.Through; before.sshd.Listens(through) && !after.sshd.Listens(through) {
		return []string{fmt.Sprintf("sshd stops listening at %s, through which this session came", through)}, nil
	}
	return nil, nil
}

// unit says whether the plan leaves a unit on, and whether it turns it off: by its
// fields, which also have what is given back where the spec says nothing any more.
func (in Input) unit(name string) (on, off bool) {
	was := in.State.Units[name]
	enabled, masked := spec.On(was.Enabled), spec.On(was.Masked)
	for _, c := range in.Plan.Of(spec.KindUnit) {
		if c.ID.Name != name {
			continue
		}
		for _, f := range c.Fields {
			switch f.Name {
			case "enabled":
				off = off || f.Before == "true" && f.After == "false"
				enabled = f.After == "true"
			case "masked":
				off = off || f.After == "true"
				masked = f.After == "true"
			}
		}
	}
	return enabled && !masked, off
}

// masks says whether the plan masks a unit.
func (in Input) masks(name string) bool {
	return slices.ContainsFunc(in.Plan.Of(spec.KindUnit), func(c spec.Change) bool {
		return c.ID.Name == name && slices.ContainsFunc(c.Fields, func(f spec.Field) bool { return f.Name == "masked" && f.After == "true" })
	})
}

// passwords finds that nobody who may administer the machine can log in over SSH
// any more.
func passwords(in Input, before, after view) ([]string, error) {
	if before.sshd == nil || after.sshd == nil {
		return nil, nil
	}
	if err := passwordless(in, before, after); err != nil {
		return nil, err
	}
	held, err := before.holders()
	if err != nil {
		return nil, err
	}
	left, err := after.holders()
	off := before.sshd.Passwords && !after.sshd.Passwords
	switch {
	case err != nil || len(left) > 0 || !off && len(held) == 0:
		return nil, err
	case len(before.admins) > 0 && !in.hasLater("sudo"):
		return []string{"package sudo goes, and root cannot log in over SSH then: who can may not administer the machine"}, nil
	case len(before.admins) > 0 && len(after.admins) == 0:
		return []string{"no account may do everything with sudo then, and root cannot log in over SSH: who can may not administer the machine"}, nil
	case off:
		return []string{`sshd takes no passwords then, and no account that may use sudo has a key; user "NAME" { authorized_keys = [...] } gives one`}, nil
	}
	return []string{fmt.Sprintf("no account that may use sudo can log in over SSH then, with a key or a password; %s could", strings.Join(held, ", "))}, nil
}

// passwordless warns of people who log in over SSH with a password, and have
// nothing else once the plan holds.
func passwordless(in Input, before, after view) error {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(before.accounts.Users)) {
		if before.locked == nil || before.locked[name] || login.NoShell(before.accounts.Users[name].Shell) ||
			!before.sshd.TakesPassword(before.accounts, name) || after.sshd.TakesPassword(after.accounts, name) {
			continue
		}
		keys, err := login.Keys(after.files, after.sshd, after.accounts, name)
		if err != nil {
			return err
		}
		if _, stays := after.accounts.Users[name]; stays && len(keys) == 0 && name != in.Person.Account {
			out = append(out, name)
		}
	}
	if len(out) > 0 {
		in.Plan.Warnings = append(in.Plan.Warnings, fmt.Sprintf("sshd takes no password then of %s, and has no key of theirs: they can log in over SSH no more", strings.Join(out, ", ")))
	}
	return nil
}

// holders are the accounts that may do anything and that sshd lets in, with a key
// or a password.
func (v view) holders() ([]string, error) {
	var out []string
	for _, name := range append([]string{"root"}, v.admins...) {
		keys, err := login.Keys(v.files, v.sshd, v.accounts, name)
		if err != nil {
			return nil, err
		}
		opens := slices.ContainsFunc(keys, func(k login.Key) bool { return name != "root" || k.Terminal() })
		opens = opens || !v.locked[name] && v.sshd.TakesPassword(v.accounts, name)
		if opens && !login.NoShell(v.accounts.Users[name].Shell) && v.shellGoes[name] == "" {
			out = append(out, name)
		}
	}
	return out, nil
}

// person finds what the account that runs hostctl loses.
func person(in Input, before, after view) ([]string, error) {
	name := in.Person.Account
	was, ok := before.accounts.Users[name]
	if !ok {
		return nil, nil
	}
	whose := name + ", who runs this,"
	is, ok := after.accounts.Users[name]
	if !ok {
		return []string{"the account of " + whose + " is deleted"}, nil
	}
	var out []string
	if slices.Contains(before.admins, name) && !slices.Contains(after.admins, name) {
		out = append(out, whose+" may no longer do everything with sudo")
	}
	if login.NoShell(is.Shell) && !login.NoShell(was.Shell) {
		out = append(out, whose+" gets the shell "+is.Shell)
	}
	if before.sshd == nil || after.sshd == nil {
		return out, nil
	}
	had, err := login.Keys(before.files, before.sshd, before.accounts, name)
	if err != nil {
		return nil, err
	}
	has, err := login.Keys(after.files, after.sshd, after.accounts, name)
	if err != nil {
		return nil, err
	}
	kept := slices.ContainsFunc(had, func(k login.Key) bool { return slices.ContainsFunc(has, k.Same) })
	switch {
	case len(had) > 0 && !kept:
		out = append(out, whose+" can log in over SSH with none of the keys that are let in now")
	case len(has) > 0 || !before.sshd.TakesPassword(before.accounts, name) || after.sshd.TakesPassword(after.accounts, name):
	case !after.sshd.Passwords:
		out = append(out, whose+" can log in over SSH no more: it takes no passwords, and no key of theirs")
	default:
		out = append(out, whose+" can log in over SSH no more: it takes neither a password nor a key of theirs")
	}
	return out, nil
}

// shells finds accounts that keep a login shell whose package goes: sshd and
// login(1) let nobody in whose shell is not there. For others than root and who
// runs this it is a warning.
func shells(in Input, _, after view) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(after.shellGoes)) {
		says := fmt.Sprintf("has the shell %s, which goes with package %s", after.accounts.Users[name].Shell, after.shellGoes[name])
		switch name {
		case in.Person.Account:
			out = append(out, name+", who runs this, "+says)
		case "root":
			out = append(out, "root "+says)
		default:
			in.Plan.Warnings = append(in.Plan.Warnings, fmt.Sprintf("user %q %s: nobody can log in as it then; say another with user %q { shell = ... }", name, says, name))
		}
	}
	return out, nil
}

// shellsThatGo are the packages that the plan deletes with the shell of an account,
// by account.
func (in Input) shellsThatGo(accounts login.Accounts) (map[string]string, error) {
	packages := map[string]string{}
	out := map[string]string{}
	for name, user := range accounts.Users {
		if user.Shell == "" || login.NoShell(user.Shell) {
			continue
		}
		if _, known := packages[user.Shell]; !known {
			by, err := goesWith(in, user.Shell)
			if err != nil {
				return nil, err
			}
			packages[user.Shell] = by
		}
		if by := packages[user.Shell]; by != "" {
			out[name] = by
		}
	}
	return out, nil
}

// goesWith is the package that the plan deletes and that brought a file.
func goesWith(in Input, file string) (string, error) {
	plain := strings.TrimPrefix(path.Clean(file), "/usr")
	for _, c := range in.Plan.Of(spec.KindPackage) {
		if c.Action != spec.Delete {
			continue
		}
		list, err := in.Root.Read("/var/lib/dpkg/info/" + c.ID.Name + ".list")
		if err != nil && !missing(err) {
			return "", err
		}
		for line := range strings.Lines(string(list)) {
			if strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "/usr") == plain {
				return c.ID.Name, nil
			}
		}
	}
	return "", nil
}
