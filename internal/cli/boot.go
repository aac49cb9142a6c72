package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/early"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// verb is which boots a generation is for.
type verb int

const (
	toSwitch verb = iota // the running system and every boot from now on
	toBoot               // every boot from the next one on
	toTest               // the running system, until the next boot
)

func (v verb) question() string {
	return [...]string{"Switch to this?", "Switch to this at the next boot?", "Switch to this until the next boot?"}[v]
}

func newBoot(e *env) *cobra.Command {
	opts := switchOptions{verb: toBoot}
	c := &cobra.Command{
		Use:   "boot",
		Short: "Stage the configuration for the next boot",
		Long: `boot stages the new state as switch does, and leaves the running system alone.
The next boot commits the stage before the machine's first program starts. Until
then, 'hostctl generations list' shows the generation as waiting, and another
switch, boot or rollback replaces it. If a file that it replaces changes in the
meantime, hostctl does not apply it, and the machine boots into its present state.`,
		Example: "  hostctl boot --host server-nix",
		Args:    cobra.NoArgs,
		RunE:    e.switching(&opts),
	}
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency, every line of files, and what apt and the maintainer scripts print")
	return c
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
func (s *session) secure(ctx context.Context) error {
	if err := s.keepSelf(); err != nil {
		return err
	}
	if !s.live() {
		return nil
	}
	s.early = bootedThroughInit()
	if err := bootloader.InstallRecovery(system.Root(s.root)); err != nil {
		return err
	}
	if inContainer() {
		return nil // whoever starts it has the kernel; what lies in its /boot, nobody boots
	}
	notes := s.area("initrds.json")
	boots, err := bootloader.Look(ctx, notes)
	if err == nil && len(boots.Without) > 0 {
		s.say("putting hostctl's recovery into the initramfs of %s", strings.Join(boots.Without, " "))
		if err = bootloader.AddRecovery(ctx, boots.Without, s.say); err == nil {
			boots, err = bootloader.Look(ctx, notes)
		}
	}
	if err == nil {
		err = bootloader.RenewCopies(ctx, s.say)
	}
	if err != nil {
		return fmt.Errorf("cannot make sure that a boot can recover from a crash, nothing was changed: %w", err)
	}
	if len(boots.Without) > 0 {
		return fmt.Errorf("cannot commit, nothing was changed: a boot of %s cannot recover from a crash: another initramfs without it has just taken the place of the one that hostctl made; run the command again",
			strings.Join(boots.Without, ", "))
	}
	s.early = s.early || len(boots.Initrds) > 0
	if len(boots.Initrds) > 0 {
		if err := s.keepMounts(); err != nil {
			return err
		}
	}
	if len(boots.Kernels) > 0 && !s.early {
		s.say("warning: this machine boots without initramfs-tools or dracut: after a crash in the middle of a commit it may not start; put init=/%s/%s on the kernel's command line", node.AreaName, InitName)
	}
	return nil
}

// sayESP names a configuration that has the EFI system partition elsewhere than
// the machine: what it says of the menu is written where no loader looks.
func (s *session) sayESP(ctx context.Context, want *spec.Host) error {
	if !s.live() || inContainer() || want.Boot == nil || want.Boot.ESP == "" {
		return nil
	}
	at, err := bootloader.ESP(ctx)
	if err == nil && at != "" && at != want.Boot.ESP {
		s.say("warning: the EFI system partition is mounted on %s, and the configuration has it on %s: boot.loader.timeout and systemd_boot.editor do not reach the menu; write boot { loader { efi { mount_point = %q } } }", at, want.Boot.ESP, at)
	}
	return err
}

// keepMounts writes down how a boot mounts the file systems on which a change can
// have files: it finishes one before fstab(5) is read.
func (s *session) keepMounts() error {
	points, err := stage.Points(s.root)
	if err != nil {
		return err
	}
	mounts, err := early.Mounts(slices.DeleteFunc(points, func(p string) bool { return p == "/" }))
	if err != nil {
		return err
	}
	for _, m := range mounts {
		s.reach = append(s.reach, m.Point)
	}
	write := func(path string, b []byte) error { return system.WriteFile(path, b, 0o600, 0, 0) }
	if err := early.KeepMounts(s.area(""), mounts, write); err != nil {
		return fmt.Errorf("cannot write down which file systems a boot has to mount: %w", err)
	}
	return nil
}

// reaches reports whether hostctl comes to a path before PID 1 starts.
func (s *session) reaches(path string) (bool, error) {
	points, err := stage.Points(s.root)
	if err != nil {
		return false, err
	}
	point := pointOf(points, path)
	return point == "/" || point == "/usr" || slices.Contains(s.reach, point), nil
}

// postponed decides whether the next boot applies the plan.
func (s *session) postponed(p *spec.Plan, opts switchOptions) (bool, error) {
	why := needsBoot(p)
	switch {
	case !s.live() && (opts.verb != toSwitch || opts.confirmWithin > 0):
		return false, fmt.Errorf("cannot do that to --root %s: it is about the running machine; 'hostctl switch' changes a root that does not run", s.root)
	case opts.verb == toBoot && !s.early:
		return false, fmt.Errorf("cannot leave this to the next boot: %w", errNotEarly)
	case opts.verb == toBoot:
		return true, s.reachable(p)
	case opts.verb == toSwitch && s.live() && len(why) > 0 && s.early && s.reachable(p) == nil:
		s.say("%s cannot change under a running system: the next boot applies this", strings.Join(why, ", "))
		return true, nil
	}
	return false, nil
}

// reachable refuses to leave to the next boot what it could not do, before
// anything is built.
func (s *session) reachable(p *spec.Plan) error {
	paths := []string{generation.Dir}
	if len(p.Of(spec.KindPackage)) > 0 {
		paths = append(paths, "/var/lib/dpkg")
	}
	for _, path := range paths {
		if ok, err := s.reaches(path); err != nil || !ok {
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

// mayBegin refuses what would be built on a generation that may be gone soon.
func (s *session) mayBegin(opts switchOptions) error {
	at, err := s.store.AtBoot()
	switch {
	case err != nil || !at.Trial():
		return err
	case at.Window > 0:
		return fmt.Errorf("cannot begin: generation %d is not confirmed yet; say 'hostctl confirm' or 'hostctl rollback' first", s.current)
	case opts.verb == toBoot:
		return fmt.Errorf("cannot leave this to the next boot: generation %d is on trial, and the next boot goes back from it; say 'hostctl confirm' or 'hostctl rollback' first", s.current)
	}
	return nil
}

// postpone leaves a staged generation to the next boot.
func (s *session) postpone(number int, rec *generation.Record, opts switchOptions) error {
	for _, m := range rec.Changeset.Changed() {
		if ok, err := s.reaches(m.Point); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("cannot leave this to the next boot, nothing on this machine was changed: it changes %s, which is not mounted before the first program starts", m.Point), s.dropStaged(number))
		}
	}
	at := &generation.AtBoot{Apply: number, Back: s.current, Command: commandLine(), Time: time.Now(), Window: opts.confirmWithin}
	if err := s.journal.Settle(rec.Changeset); err != nil {
		return errors.Join(err, s.dropStaged(number))
	}
	if err := s.store.SetAtBoot(at); err != nil {
		return err
	}
	s.say("generation %d is staged; a reboot applies it and finishes the switch", number)
	return nil
}

// dropPostponed gives up what an earlier run left to the next boot: another
// takes its place.
func (s *session) dropPostponed() error {
	at, err := s.store.AtBoot()
	if err != nil || at == nil || at.Apply == 0 {
		return err
	}
	s.say("generation %d, which waited for the next boot, is dropped", at.Apply)
	return errors.Join(s.store.SetAtBoot(nil), s.dropStaged(at.Apply))
}

// settle is a switch with nothing to do: what the machine is now is what the
// next boot shall find, too.
func (s *session) settle(ctx context.Context, v verb) error {
	at, err := s.store.AtBoot()
	switch {
	case err != nil || at == nil || v == toTest:
		return err
	case at.Apply != 0:
		return s.dropPostponed()
	case at.Window > 0:
		return nil // that is for 'hostctl confirm' to say
	}
	return s.keepTrial(ctx)
}

// holdModules keeps the modules of the running kernel within its reach where a
// transaction took them away: a rollback is exact, and the kernel runs on until
// a reboot. Without a transaction it is about an earlier one.
func (s *session) holdModules(tx *transaction.Tx) error {
	release, err := system.KernelRelease()
	if err != nil || s.live() && inContainer() {
		return err // a container does not load the modules that it has
	}
	var taken map[string]string
	if tx != nil {
		taken = tx.Taken(bootloader.ModulesOf(release))
	}
	return bootloader.HoldModules(system.Root(s.root), release, taken)
}

func (s *session) releaseModules() error {
	release, err := system.KernelRelease()
	if err != nil {
		return err
	}
	return bootloader.ReleaseModules(system.Root(s.root), release)
}

// bootArtefacts makes the initramfs images and the boot menu anew where the
// way from one generation to the other is about them. The files are in place:
// what is made sees the disk, the modules and the settings that it is for
// (engine rule 6).
func (s *session) bootArtefacts(ctx context.Context, tx *transaction.Tx) error {
	c, err := s.bootChange(tx.Touched(), tx.From, tx.To)
	if err != nil {
		return err
	}
	c.Came = tx.Came()
	return bootloader.Follow(ctx, c)
}

// bootRoom refuses a way after which the images do not fit into /boot.
func (s *session) bootRoom(ctx context.Context, r *route) error {
	if !s.live() {
		return nil
	}
	c, err := s.bootAhead(r)
	if err != nil {
		return err
	}
	room, err := c.Room(ctx)
	if err != nil {
		return err
	}
	points, err := stage.Points(s.root)
	if err != nil {
		return err
	}
	for path, bytes := range room {
		point := pointOf(points, path)
		if bytes == 0 {
			continue
		}
		if err := node.Space(point, filepath.Join(s.root, point), bytes, 1); err != nil {
			return s.withHints(fmt.Errorf("cannot make what the machine boots from: %w", err))
		}
	}
	return nil
}

// bootAhead is what a way that is about to be gone means for what the machine
// boots from.
func (s *session) bootAhead(r *route) (bootloader.Change, error) {
	c, err := s.bootChange(r.files.Touched(), s.current, r.recorded())
	c.Gone = r.files.Gone()
	if r.fresh != nil {
		c.Asked = append(c.Asked, r.fresh.Boot...)
	}
	return c, err
}

// transactLive is transact for the running machine: at no time its boot menu
// starts a kernel that is gone.
func (s *session) transactLive(ctx context.Context, r *route) (*transaction.Tx, error) {
	if !s.live() {
		return s.transact(r)
	}
	c, err := s.bootAhead(r)
	if err != nil {
		return nil, err
	}
	retired, err := c.Retire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := s.transact(r)
	if err == nil || !retired {
		return tx, err
	}
	if open, openErr := s.journal.Open(); open == "" && openErr == nil {
		err = errors.Join(err, c.Menu(ctx))
	}
	return tx, err
}

// bootChange is what the way between two recorded generations means for what
// the machine boots from.
func (s *session) bootChange(touched []string, from, to int) (bootloader.Change, error) {
	c := bootloader.Change{Touched: touched, Container: inContainer(), Say: s.say}
	err := s.edges(from, to, func(n int, _ bool) error {
		asked, err := s.store.Boot(n)
		c.Asked = append(c.Asked, asked...)
		return err
	})
	return c, err
}
