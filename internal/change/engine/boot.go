package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/change/early"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/space"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Verb is which boots a generation is for.
type Verb int

const (
	ToSwitch Verb = iota // the running system and every boot from now on
	ToBoot               // every boot from the next one on
	ToTest               // the running system, until the next boot
)

// SwitchOptions say how to switch.
type SwitchOptions struct {
	Verb          Verb
	ConfirmWithin time.Duration // goes back by itself after it; 0 is never
	Verbose       bool          // Out.Log has what the tools print
	Agreed        Agreement
}

var errNotEarly = errors.New("hostctl does not run before the first program of this machine does; " +
	"where neither initramfs-tools nor dracut is, start the machine with init=/" + node.AreaName + "/" + InitName)

// bootedThroughInit says whether hostctl ran before PID 1 of this boot.
func bootedThroughInit() bool {
	_, err := os.Lstat(early.Mark)
	return err == nil
}

// inContainer is what systemd found out at boot, systemd-detect-virt(1).
func inContainer() bool {
	_, err := os.Lstat("/run/systemd/container")
	return err == nil
}

// secure puts recovery in its places before anything is committed, and makes
// sure that every initramfs has it: a torn root may not be able to start what
// would mend it (engine rule 2).
func (m *Machine) secure(ctx context.Context) error {
	if err := m.keepSelf(); err != nil {
		return err
	}
	if !m.Live() {
		return nil
	}
	m.early = bootedThroughInit()
	if err := bootloader.InstallRecovery(system.Root(m.Root)); err != nil {
		return err
	}
	if inContainer() {
		return nil // whoever starts it has the kernel; what lies in its /boot, nobody boots
	}
	notes := m.area("initrds.json")
	boots, err := bootloader.Look(ctx, notes)
	if err == nil && len(boots.Without) > 0 {
		m.say("putting hostctl's recovery into the initramfs of %s", strings.Join(boots.Without, " "))
		if err = bootloader.AddRecovery(ctx, boots.Without, m.say); err == nil {
			boots, err = bootloader.Look(ctx, notes)
		}
	}
	if err == nil {
		err = bootloader.RenewCopies(ctx, m.say)
	}
	if err != nil {
		return fmt.Errorf("cannot make sure that a boot can recover from a crash, nothing was changed: %w", err)
	}
	if len(boots.Without) > 0 {
		return fmt.Errorf("cannot commit, nothing was changed: a boot of %s cannot recover from a crash: another initramfs without it has just taken the place of the one that hostctl made; run the command again",
			strings.Join(boots.Without, ", "))
	}
	m.early = m.early || len(boots.Initrds) > 0
	if len(boots.Initrds) > 0 {
		if err := m.keepMounts(); err != nil {
			return err
		}
	}
	if len(boots.Kernels) > 0 && !m.early {
		m.say("warning: this machine boots without initramfs-tools or dracut: after a crash in the middle of a commit it may not start; put init=/%s/%s on the kernel's command line", node.AreaName, InitName)
	}
	return nil
}

// sayESP names a configuration that has the EFI system partition elsewhere than
// the machine: what it says of the menu is written where no loader looks.
func (m *Machine) sayESP(ctx context.Context, want *spec.Host) error {
	if !m.Live() || inContainer() || want.Boot == nil || want.Boot.ESP == "" {
		return nil
	}
	at, err := bootloader.ESP(ctx)
	if err == nil && at != "" && at != want.Boot.ESP {
		m.say("warning: the EFI system partition is mounted on %s, and the configuration has it on %s: boot.loader.timeout and systemd_boot.editor do not reach the menu; write boot { loader { efi { mount_point = %q } } }", at, want.Boot.ESP, at)
	}
	return err
}

// keepMounts writes down how a boot mounts the file systems on which a change can
// have files: it finishes one before fstab(5) is read.
func (m *Machine) keepMounts() error {
	points, err := stage.Points(m.Root)
	if err != nil {
		return err
	}
	mounts, err := early.Mounts(slices.DeleteFunc(points, func(p string) bool { return p == "/" }))
	if err != nil {
		return err
	}
	for _, at := range mounts {
		m.reach = append(m.reach, at.Point)
	}
	write := func(path string, b []byte) error { return system.WriteFile(path, b, 0o600, 0, 0) }
	if err := early.KeepMounts(m.area(""), mounts, write); err != nil {
		return fmt.Errorf("cannot write down which file systems a boot has to mount: %w", err)
	}
	return nil
}

// reaches reports whether hostctl comes to a path before PID 1 starts.
func (m *Machine) reaches(path string) (bool, error) {
	points, err := stage.Points(m.Root)
	if err != nil {
		return false, err
	}
	point := space.PointOf(points, path)
	return point == "/" || point == "/usr" || slices.Contains(m.reach, point), nil
}

// postponed decides whether the next boot applies the plan.
func (m *Machine) postponed(p *spec.Plan, opts SwitchOptions) (bool, error) {
	why := needsBoot(p)
	switch {
	case !m.Live() && (opts.Verb != ToSwitch || opts.ConfirmWithin > 0):
		return false, fmt.Errorf("cannot do that to --root %s: it is about the running machine; 'hostctl switch' changes a root that does not run", m.Root)
	case opts.Verb == ToBoot && !m.early:
		return false, fmt.Errorf("cannot leave this to the next boot: %w", errNotEarly)
	case opts.Verb == ToBoot:
		return true, m.reachable(p)
	case opts.Verb == ToSwitch && m.Live() && len(why) > 0 && m.early && m.reachable(p) == nil:
		m.say("%s cannot change under a running system: the next boot applies this", strings.Join(why, ", "))
		return true, nil
	}
	return false, nil
}

// reachable refuses to leave to the next boot what it could not do, before
// anything is built.
func (m *Machine) reachable(p *spec.Plan) error {
	paths := []string{generation.Dir}
	if len(p.Of(spec.KindPackage)) > 0 {
		paths = append(paths, "/var/lib/dpkg")
	}
	for _, path := range paths {
		if ok, err := m.reaches(path); err != nil || !ok {
			return errors.Join(fmt.Errorf("cannot leave this to the next boot, nothing on this machine was changed: %s is not mounted before the first program starts", path), err)
		}
	}
	return nil
}

// needsBoot lists the packages in a plan under whose change a running system
// cannot live: what every process has mapped, PID 1, and the bus that
// everything is connected to.
func needsBoot(p *spec.Plan) []string {
	var out []string
	for _, c := range p.Of(spec.KindPackage) {
		if c.Action == spec.Create {
			continue
		}
		if slices.Contains([]string{"libc6", "systemd", "systemd-sysv", "dbus", "dbus-broker", "init"}, c.ID.Name) || p.Release != nil && c.ID.Name == "base-files" {
			out = append(out, c.ID.Name)
		}
	}
	return out
}

// MayBegin refuses what would be built on a generation that may be gone soon.
func (m *Machine) MayBegin(opts SwitchOptions) error {
	at, err := m.store.AtBoot()
	switch {
	case err != nil || !at.Trial():
		return err
	case at.Window > 0:
		return fmt.Errorf("cannot begin: generation %d is not confirmed yet; say 'hostctl confirm' or 'hostctl rollback' first", m.current)
	case opts.Verb == ToBoot:
		return fmt.Errorf("cannot leave this to the next boot: generation %d is on trial, and the next boot goes back from it; say 'hostctl confirm' or 'hostctl rollback' first", m.current)
	}
	return nil
}

// postpone leaves a staged generation to the next boot.
func (m *Machine) postpone(number int, rec *generation.Record, opts SwitchOptions) error {
	for _, mount := range rec.Changeset.Changed() {
		if ok, err := m.reaches(mount.Point); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("cannot leave this to the next boot, nothing on this machine was changed: it changes %s, which is not mounted before the first program starts", mount.Point), m.dropStaged(number))
		}
	}
	at := &generation.AtBoot{Apply: number, Back: m.current, Command: m.Command, Time: time.Now(), Window: opts.ConfirmWithin}
	if err := m.journal.Settle(rec.Changeset); err != nil {
		return errors.Join(err, m.dropStaged(number))
	}
	if err := m.store.SetAtBoot(at); err != nil {
		return err
	}
	m.say("generation %d is staged; a reboot applies it and finishes the switch", number)
	return nil
}

// dropPostponed gives up what an earlier run left to the next boot: another
// takes its place.
func (m *Machine) dropPostponed() error {
	at, err := m.store.AtBoot()
	if err != nil || at == nil || at.Apply == 0 {
		return err
	}
	m.say("generation %d, which waited for the next boot, is dropped", at.Apply)
	return errors.Join(m.store.SetAtBoot(nil), m.dropStaged(at.Apply))
}

// Settle is a switch with nothing to do: what the machine is now is what the
// next boot shall find, too.
func (m *Machine) Settle(ctx context.Context, v Verb) error {
	at, err := m.store.AtBoot()
	switch {
	case err != nil || at == nil || v == ToTest:
		return err
	case at.Apply != 0:
		return m.dropPostponed()
	case at.Window > 0:
		return nil // that is for 'hostctl confirm' to say
	}
	return m.keepTrial(ctx)
}

// holdModules keeps the modules of the running kernel within its reach where a
// transaction took them away: a rollback is exact, and the kernel runs on until
// a reboot. Without a transaction it is about an earlier one.
func (m *Machine) holdModules(tx *transaction.Tx) error {
	release, err := system.KernelRelease()
	if err != nil || m.Live() && inContainer() {
		return err // a container does not load the modules that it has
	}
	var taken map[string]string
	if tx != nil {
		taken = tx.Taken(bootloader.ModulesOf(release))
	}
	return bootloader.HoldModules(system.Root(m.Root), release, taken)
}

func (m *Machine) releaseModules() error {
	release, err := system.KernelRelease()
	if err != nil {
		return err
	}
	return bootloader.ReleaseModules(system.Root(m.Root), release)
}

// bootArtefacts makes the initramfs images and the boot menu anew where the
// way from one generation to the other is about them. The files are in place:
// what is made sees the disk, the modules and the settings that it is for
// (engine rule 6).
func (m *Machine) bootArtefacts(ctx context.Context, tx *transaction.Tx) error {
	c, err := m.bootChange(tx.Touched(), tx.From, tx.To)
	if err != nil {
		return err
	}
	c.Came = tx.Came()
	return bootloader.Follow(ctx, c)
}

// bootRoom refuses a way after which the images do not fit into /boot.
func (m *Machine) bootRoom(ctx context.Context, r *route) error {
	if !m.Live() {
		return nil
	}
	c, err := m.bootAhead(r)
	if err != nil {
		return err
	}
	room, err := c.Room(ctx)
	if err != nil {
		return err
	}
	points, err := stage.Points(m.Root)
	if err != nil {
		return err
	}
	for path, bytes := range room {
		point := space.PointOf(points, path)
		if bytes == 0 {
			continue
		}
		if err := node.Space(point, filepath.Join(m.Root, point), bytes, 1); err != nil {
			return m.space().Hints(fmt.Errorf("cannot make what the machine boots from: %w", err))
		}
	}
	return nil
}

// bootAhead is what a way that is about to be gone means for what the machine
// boots from.
func (m *Machine) bootAhead(r *route) (bootloader.Change, error) {
	c, err := m.bootChange(r.files.Touched(), m.current, r.recorded())
	c.Gone = r.files.Gone()
	if r.fresh != nil {
		c.Asked = append(c.Asked, r.fresh.Boot...)
	}
	return c, err
}

// transactLive is transact for the running machine: at no time its boot menu
// starts a kernel that is gone. Early there is no menu any more for this boot.
func (m *Machine) transactLive(ctx context.Context, r *route, early bool) (*transaction.Tx, error) {
	if !m.Live() || early {
		return m.transact(r)
	}
	c, err := m.bootAhead(r)
	if err != nil {
		return nil, err
	}
	retired, err := c.Retire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := m.transact(r)
	if err == nil || !retired {
		return tx, err
	}
	if open, openErr := m.journal.Open(); open == "" && openErr == nil {
		err = errors.Join(err, c.Menu(ctx))
	}
	return tx, err
}

// bootChange is what the way between two recorded generations means for what
// the machine boots from.
func (m *Machine) bootChange(touched []string, from, to int) (bootloader.Change, error) {
	c := bootloader.Change{Touched: touched, Container: inContainer(), Say: m.say}
	var err error
	c.Asked, err = m.store.BootBetween(from, to)
	return c, err
}
