package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// consent is what somebody says beforehand to a change.
type consent struct {
	yes           bool
	accept        []string
	confirmWithin time.Duration // goes back by itself, so that a lock-out does not stay
	trial         string        // what to say of that way, where the command has it
}

// acceptLockout is the word for a change that may lock people out.
const acceptLockout = "lockout"

// flags adds --yes and --accept to a command that changes the machine.
func (k *consent) flags(c *cobra.Command) {
	c.Flags().BoolVarP(&k.yes, "yes", "y", false, "do not ask")
	c.Flags().StringSliceVar(&k.accept, "accept", nil, "go ahead although the plan may do this: "+acceptLockout+", keep people from logging in")
}

// guarding is a plan and what it was made from.
func (s *session) guarding(p *spec.Plan, want *spec.Host) guard.Input {
	return guard.Input{Root: system.Root(s.root), Want: want, Prev: s.prev, Plan: p, State: s.seen, Along: s.along, Accounts: s.users, Blob: s.blobOf(want)}
}

// lookForLockout says in a plan how it may keep people from logging in.
func (s *session) lookForLockout(ctx context.Context, p *spec.Plan, want *spec.Host) error {
	if p.Empty() || !s.live() || s.inService {
		return nil // nobody logs in there, or it was agreed to where it was typed
	}
	in := s.guarding(p, want)
	if os.Geteuid() != 0 {
		s.say("warning: whether this may lock somebody out only root can tell: keys and sudoers are not for others to read")
		return nil
	}
	var err error
	if in.Person, err = person(); err != nil {
		return err
	}
	p.Lockout, err = guard.Lockout(ctx, in)
	return err
}

// wording is the question before a plan, if nobody has consented: what may lock
// people out needs more than a yes.
func (s *session) wording(question string, k consent, p *spec.Plan) (string, error) {
	for _, word := range k.accept {
		if word != acceptLockout {
			return "", fmt.Errorf("cannot accept %q: --accept knows %s", word, acceptLockout)
		}
	}
	if s.inService {
		return question, nil
	}
	if err := refusal(p); err != nil {
		return "", err
	}
	if len(p.Lockout) == 0 || len(k.accept) > 0 || k.confirmWithin > 0 {
		return question, nil
	}
	if s.agreed == "" && (k.yes || s.confirmed != nil || !terminal(s.stdin)) {
		return "", &exitError{exitRefused, fmt.Errorf("refused, nothing was changed: this may keep people from logging in:\n  %s\n%s--accept %s does it all the same",
			strings.Join(p.Lockout, "\n  "), k.trial, acceptLockout)}
	}
	s.word = acceptLockout
	return question + " It may keep people from logging in (see above).\n" + k.trial + "type 'yes " + acceptLockout + "' to go ahead:", nil
}

// stillLetsIn looks again before a commit: what the machine had when somebody agreed
// to the plan, a key for instance, may be gone since.
func (s *session) stillLetsIn(ctx context.Context, p *spec.Plan, want *spec.Host, k consent) error {
	if p.Empty() || !s.live() || os.Geteuid() != 0 || len(k.accept) > 0 || k.confirmWithin > 0 {
		return nil
	}
	agreed, by := p.Lockout, s.by
	if s.confirmed != nil {
		agreed = s.confirmed.Plan.Lockout
	}
	if !s.inService {
		var err error
		if by, err = person(); err != nil {
			return err
		}
	}
	return s.noWorse(ctx, p, want, agreed, by)
}

// noWorse refuses ways to lock people out that nobody has agreed to.
func (s *session) noWorse(ctx context.Context, p *spec.Plan, want *spec.Host, agreed []string, by guard.Person) error {
	again := *p // its warnings have been said
	in := s.guarding(&again, want)
	in.Person = by
	found, err := guard.Lockout(ctx, in)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(found, func(way string) bool { return slices.Contains(agreed, way) })
	if len(fresh) == 0 {
		return nil
	}
	return &exitError{exitRefused, fmt.Errorf("refused: since the plan was made this machine has changed, and it may keep people from logging in:\n  %s\nlook at a new plan",
		strings.Join(fresh, "\n  "))}
}

// packaged is where hostctl's own package has it.
const packaged = "/usr/bin/hostctl"

// ownProgram refuses units that run hostctl where it is not, or will not be:
// secrets would be missing after the next boot, and upgrades would stop in silence.
func ownProgram(root system.Root, want *spec.Host, p *spec.Plan) error {
	path := want.Settings.Hostctl
	_, err := os.Stat(root.Follow(path))
	there := err == nil || !errors.Is(err, fs.ErrNotExist)
	for _, c := range p.Of(spec.KindPackage) {
		if path == packaged && c.ID.Name == "hostctl" {
			there = c.Action != spec.Delete
		}
	}
	for _, c := range p.Of(spec.KindFile) {
		if c.ID.Name == path {
			there = c.Action != spec.Delete
		}
	}
	if path == "" || there {
		return nil
	}
	why := "does not exist"
	if err == nil {
		why = "goes with this plan"
	}
	for _, name := range slices.Sorted(maps.Keys(want.Units)) {
		if !strings.Contains(want.Units[name].Content, "="+path+" ") {
			continue
		}
		instead := packaged
		if self, err := os.Executable(); err == nil && self != path {
			instead = self
		}
		at := want.At(spec.ID{Kind: spec.KindUnit, Name: name})
		return fmt.Errorf("cannot set unit %q%s: it runs %s, which %s; install hostctl there, or say where it is: hostctl { path = %q }", name, at, path, why, instead)
	}
	return nil
}

// refusal is the error for a plan that may not be carried out.
func refusal(p *spec.Plan) error {
	if len(p.Refused) == 0 {
		return nil
	}
	return &exitError{exitRefused, fmt.Errorf("refused, nothing was changed:\n  %s", strings.Join(p.Refused, "\n  "))}
}

// person is the account that logged in and now runs hostctl, also through sudo
// and su, and the way by which it came.
func person() (guard.Person, error) {
	p := guard.Person{Account: os.Getenv("SUDO_USER")}
	if p.Account == "" {
		files, err := account.Read("/")
		if err != nil {
			return p, err
		}
		p.Account = files.Names().User(loginUID())
	}
	var err error
	p.Through, err = sshConnection()
	return p, err
}

// loginUID is as whom the session was logged in (pam_loginuid(8)); without a
// session it is who runs this.
func loginUID() int {
	const nobody = 1<<32 - 1 // (uid_t) -1: there was no login
	b, err := os.ReadFile("/proc/self/loginuid")
	if uid, atoiErr := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32); err == nil && atoiErr == nil && uid != nobody {
		return int(uid)
	}
	return os.Getuid()
}

// sshConnection is this machine's end of the SSH connection that this process
// descends from. Each process on the way up is asked, since sudo and su take
// SSH_CONNECTION (ssh(1)) out of the environment.
func sshConnection() (netip.AddrPort, error) {
	for pid := os.Getpid(); pid > 1; {
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return netip.AddrPort{}, fmt.Errorf("cannot tell how this session came in: %w", err)
		}
		for v := range bytes.SplitSeq(environ, []byte{0}) {
			if at, ok := strings.CutPrefix(string(v), "SSH_CONNECTION="); ok {
				return localEnd(at), nil
			}
		}
		p, err := processOf(pid)
		if err != nil {
			return netip.AddrPort{}, err
		}
		pid = p.parent
	}
	return netip.AddrPort{}, nil
}

// localEnd reads "client port server port"; of another form there is none.
func localEnd(connection string) netip.AddrPort {
	f := strings.Fields(connection)
	if len(f) != 4 {
		return netip.AddrPort{}
	}
	addr, err := netip.ParseAddr(f[2])
	port, err2 := strconv.ParseUint(f[3], 10, 16)
	if err != nil || err2 != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}
