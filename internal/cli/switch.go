package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

type switchOptions struct {
	consent
	verbose bool
	verb    verb
}

func newSwitch(e *env) *cobra.Command {
	opts := switchOptions{verb: toSwitch}
	c := &cobra.Command{
		Use: "switch [PLAN]",
		// What other tools call it.
		SuggestFor: []string{"apply", "deploy", "rebuild", "up", "sync"},
		Short:      "Activate the configuration now and for each boot",
		Long: `switch plans, stages the new state beside the running one, commits it in one
journaled transaction, and makes the running system follow. If a step fails, the
machine stays as it was, or hostctl restores it. If a service does not come up,
hostctl restores the previous generation.

If libc, systemd, dbus or the release changes, a running system cannot follow.
Then the next boot applies the stage, as 'hostctl boot' does, and the last line
says so.

With --confirm-within, the machine goes back by itself unless somebody runs
'hostctl confirm' in time, from a new login. So a change that locks everybody out
does not stay. A reboot without the confirmation goes back too. Use it whenever
you work over a network.

The plan lists first what may lock people out: a port that sshd listens on and
the firewall closes, passwords that are switched off while no account that may
use sudo has a key, and what the account that runs hostctl loses. Without
--confirm-within, such a plan needs the answer 'yes lockout'. With --yes, switch
refuses it (exit code 5) unless you add --accept lockout.

A separate service, hostctl-run.service, does the work and continues when the
session ends. Ctrl-C and SIGTERM cancel it until something is committed. With a
plan that 'hostctl plan --out' saved, switch asks nothing: it does what was saved,
or nothing at all.`,
		Example: "  hostctl switch --host server-nix\n  hostctl switch --flake /etc/hostctl --yes --confirm-within 3m\n  hostctl switch web1.plan",
		Args:    cobra.MaximumNArgs(1),
		RunE:    e.switching(&opts),
	}
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency, every line of files, and what apt and the maintainer scripts print")
	opts.trial = "the same command with --confirm-within 5m goes back unless 'hostctl confirm' comes from a new login; "
	c.Flags().DurationVar(&opts.confirmWithin, "confirm-within", 0, "go back unless 'hostctl confirm' comes within this time")
	return c
}

// switching runs a switch, or one of its kin, as the only run that changes the
// machine.
func (e *env) switching(opts *switchOptions) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := e.planned(c, args); err != nil {
			return err
		}
		return e.changing(c.Context(), func(ctx context.Context, s *session) error {
			return s.runSwitch(ctx, *opts)
		})
	}
}

func (s *session) runSwitch(ctx context.Context, opts switchOptions) error {
	target, p, release, err := s.propose(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := s.lookForLockout(ctx, p, target.host); err != nil {
		return err
	}
	if err := s.unmoved(p, target.host, target.lock); err != nil {
		return err
	}
	if err := s.announce(p, opts.verbose); err != nil {
		return err
	}
	if p.Empty() {
		return s.settle(ctx, opts.verb)
	}
	if err := s.mayBegin(opts); err != nil {
		return err
	}
	if waits, err := s.agree(opts.verb.question(), opts.consent, p, target.host, target.lock); waits || err != nil {
		return err
	}
	return s.switchTo(ctx, target, p, opts)
}

// switchTo carries out a plan: everything that can fail without touching the
// machine first, then commit, then activation, and back where that fails.
func (s *session) switchTo(ctx context.Context, target *wanted, p *spec.Plan, opts switchOptions) error {
	if err := s.absorb(); err != nil {
		return err
	}
	p.Generation = s.current
	hashes, err := s.provide(ctx, target, p)
	if err != nil {
		return err
	}
	noted, err := s.begin(target.host.Name, target.host.System)
	if err != nil {
		return err
	}
	rec, later, err := s.staged(ctx, target, p, hashes, opts)
	if notedErr := noted(); err == nil && notedErr != nil {
		err = errors.Join(notedErr, s.dropStaged(rec.Meta.Number))
	}
	if err != nil {
		return err
	}
	number := rec.Meta.Number
	var foreseen func() (outlook, error)
	if !later {
		foreseen = s.beforehand(ctx, p, target.host, rec.Services)
	}
	route, err := s.way(number, rec)
	if err == nil {
		err = s.bootRoom(ctx, route)
	}
	if err == nil {
		err = s.stillLetsIn(ctx, p, target.host, opts.consent)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot commit, nothing on this machine was changed: %w", err), stage.Discard(s.root, number), s.store.DiscardPending())
	}
	if err := s.keepReplaced(rec); err != nil {
		return errors.Join(err, stage.Discard(s.root, number), s.store.DiscardPending())
	}
	if later {
		return s.postpone(number, rec, opts)
	}
	return s.onTrial(ctx, opts, func() error { return s.commitTo(s.uninterrupted(ctx), target, p, route, foreseen) })
}

// staged makes the machine safe for a commit and brings the next generation to
// the point where only that is left, at once or at the next boot (later).
func (s *session) staged(ctx context.Context, target *wanted, p *spec.Plan, hashes map[string]string, opts switchOptions) (rec *generation.Record, later bool, err error) {
	if err := s.secure(ctx); err != nil {
		return nil, false, err
	}
	if err := s.sayESP(ctx, target.host); err != nil {
		return nil, false, err
	}
	if later, err = s.postponed(p, opts); err != nil {
		return nil, false, err
	}
	if err := s.dropPostponed(); err != nil {
		return nil, false, err
	}
	rec, err = s.fromBuild(p, target)
	if err == nil && rec == nil {
		rec, err = s.stageNew(ctx, target, p, hashes, opts.verbose)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w\nnothing on this machine was changed", err)
	}
	return rec, later, nil
}

// commitTo commits a staged generation and makes the running system follow.
func (s *session) commitTo(ctx context.Context, target *wanted, p *spec.Plan, route *route, foreseen func() (outlook, error)) error {
	number, rec := route.to, route.fresh
	healthy, err := s.before(ctx, foreseen)
	if err != nil {
		return s.notCommitted(ctx, err, s.request(p, target.host, rec.Services, nil, healthy), number)
	}
	s.say("committing %s", spec.Count(len(rec.Changeset.Entries), "path", "paths"))
	s.at(step{What: "committing"})
	tx, err := s.transactLive(ctx, route)
	if err != nil {
		return s.notCommitted(ctx, err, s.request(p, target.host, rec.Services, nil, healthy), number)
	}
	return s.follow(ctx, tx, rec, target.host, healthy)
}

// provide makes sure of everything that a stage needs before anything is
// written: secrets, packages, room. It returns the password hashes of accounts.
func (s *session) provide(ctx context.Context, target *wanted, p *spec.Plan) (map[string]string, error) {
	hashes, err := s.preflight(target.host)
	if err != nil {
		return nil, err
	}
	if err := s.fetch(ctx, target, p); err != nil {
		return nil, err
	}
	return hashes, s.checkRoom(ctx, target, p)
}

// stageNew builds the target as the next generation, and its record.
func (s *session) stageNew(ctx context.Context, t *wanted, p *spec.Plan, hashes map[string]string, verbose bool) (*generation.Record, error) {
	number, res, err := s.stageNext(ctx, t, p, hashes, verbose)
	if err != nil {
		return nil, err
	}
	rec, err := s.record(t, p, number, res)
	if err = errors.Join(err, res.Gone()); err != nil {
		return nil, errors.Join(err, s.dropStaged(number))
	}
	return rec, nil
}

// stageNext builds the target under the number that the next generation has.
func (s *session) stageNext(ctx context.Context, t *wanted, p *spec.Plan, hashes map[string]string, verbose bool) (int, *stage.Result, error) {
	number, err := s.store.Next()
	if err != nil {
		return 0, nil, err
	}
	s.say("staging generation %d", number)
	s.at(step{What: "staging"})
	res, err := s.stage(ctx, t, p, number, hashes, verbose)
	return number, res, err
}

// stage builds the target beside the running root.
func (s *session) stage(ctx context.Context, t *wanted, p *spec.Plan, number int, hashes map[string]string, verbose bool) (*stage.Result, error) {
	blobs := map[string][]byte{}
	read := s.blobOf(t.host)
	for _, f := range t.host.Files {
		if !f.FromBlob() {
			continue
		}
		b, err := read(f.Digest)
		if err != nil {
			return nil, err
		}
		blobs[f.Digest] = b
	}
	tombs, err := s.store.Tombs()
	if err != nil {
		return nil, err
	}
	log, closeLog, err := s.stageLog(verbose)
	if err != nil {
		return nil, err
	}
	defer closeLog()
	res, err := stage.Run(ctx, stage.Request{
		Root: s.root, Generation: number, Plan: p, Want: t.host, Prev: s.prev, Found: s.found, Lock: t.lock,
		PasswordHashes: hashes, Blobs: blobs, Managed: append(managedPaths(t.host, s.prev), given(p, t.host.Settings)...), Origins: t.host.Origins, Tombs: tombs,
		Folders: s.meta.Folders,
	}, newPackageSteps(log, s.at, p))
	if err != nil && !verbose {
		err = fmt.Errorf("%w\nwhat the tools printed is in %s", err, s.stageLogPath())
	}
	return res, err
}

// given are the folders that a plan gives to accounts that are to live there, and
// those in them on the way to the age key. They
// stay where they are when the account goes, and are whose they were.
func given(p *spec.Plan, settings spec.Settings) []string {
	var out []string
	for _, c := range p.Of(spec.KindUser) {
		for _, f := range c.Fields {
			if path, ok := strings.CutPrefix(f.Name, "folder"); ok && f.Before != spec.Missing {
				out = append(append(out, path), settings.KeyFolders(path)...)
			}
		}
	}
	return out
}

// follow makes the running system follow a committed transaction, or goes
// back when it cannot.
func (s *session) follow(ctx context.Context, tx *transaction.Tx, rec *generation.Record, want *spec.Host, healthy map[string]bool) error {
	report, err := s.activate(ctx, s.request(rec.Plan, want, rec.Services, tx, healthy), tx)
	if err == nil {
		s.reportActivation(report)
		if err := s.journal.Close(); err != nil {
			return err
		}
		s.say("generation %d is current", tx.To)
		s.listState(rec)
		return nil
	}
	if converts := rec.Plan.Converts(); len(converts) > 0 {
		return errors.Join(s.stay(tx, err, converts), s.journal.Close())
	}
	s.say("generation %d does not work; going back to generation %d", tx.To, tx.From)
	if backErr := s.goBack(ctx, tx, err, healthy); backErr != nil {
		return errors.Join(err, fmt.Errorf("cannot go back to generation %d: %w; run 'hostctl rollback --to %d'", tx.From, backErr, tx.From))
	}
	return &exitError{exitRolledBack, fmt.Errorf("%w\nthe machine is back at generation %d; generation %d stays on record as failed", err, tx.From, tx.To)}
}

// stay leaves a generation current although it does not work: the services of
// converts have run, and may have left data that their former version cannot
// read (engine rule 18).
func (s *session) stay(tx *transaction.Tx, why error, converts []spec.Change) error {
	list := ""
	for _, c := range converts {
		list += fmt.Sprintf("\n  %s %s -> %s: %s", c.ID.Name, c.Fields[0].Before, c.Fields[0].After, c.Data)
	}
	return fmt.Errorf("%w\ngeneration %d is current and does not work; hostctl does not go back by itself, for these may have converted their data:%s\n"+
		"mend the configuration and run 'hostctl switch', or bring that data back from a backup and run 'hostctl rollback --to %d'", why, tx.To, list, tx.From)
}

// goBack undoes a generation whose activation failed.
// The failed transaction stays open until this one is: a run that ends in
// between is finished by recovery, which comes here again.
func (s *session) goBack(ctx context.Context, failed *transaction.Tx, why error, healthy map[string]bool) error {
	former, formerLock := s.prev, s.locked
	kept := why.Error()
	var unwell *activate.Unhealthy
	if errors.As(why, &unwell) {
		kept = unwell.Record()
	}
	if err := s.store.Fail(failed.To, kept); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	p, err := s.planBack(failed.From, former, formerLock)
	if err != nil {
		return err
	}
	services, err := s.askedBetween(failed.To, failed.From)
	if err != nil {
		return err
	}
	if _, err := s.before(ctx, s.beforehand(ctx, p, former, services)); err != nil {
		return err
	}
	route, err := s.way(failed.From, nil)
	if err != nil {
		return err
	}
	tx, err := s.transactLive(ctx, route)
	if err != nil {
		return err
	}
	_, err = s.activate(ctx, s.request(p, former, services, tx, healthy), tx)
	return errors.Join(err, s.journal.Close())
}

// notCommitted starts again what was stopped for a commit that did not
// happen. One that went past its marker is recovery's.
func (s *session) notCommitted(ctx context.Context, cause error, req activate.Request, number int) error {
	open, err := s.journal.Open()
	if err != nil || open != "" {
		return errors.Join(fmt.Errorf("cannot finish the commit: %w; 'hostctl recover' finishes or undoes it", cause), err)
	}
	err = errors.Join(stage.Discard(s.root, number), s.store.DiscardPending())
	return errors.Join(s.withHints(fmt.Errorf("cannot commit, the machine is as it was: %w", cause)), err, s.resume(ctx, req))
}

// preflight checks everything about secrets before anything is touched, and
// takes the password hashes of accounts.
func (s *session) preflight(want *spec.Host) (map[string]string, error) {
	if len(want.Secrets) == 0 {
		return nil, nil
	}
	keys, err := secret.LoadKeys(system.Root(s.root), want.Settings.AgeKeyFile)
	if err != nil {
		return nil, err
	}
	read := s.blobOf(want)
	if err := keys.Check(want, read); err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for _, name := range sortedKeys(want.Users) {
		ref := want.Users[name].PasswordSecret
		if ref == "" || want.Users[name].Absent {
			continue
		}
		if hashes[ref], err = keys.Value(want.Secrets[ref], read); err != nil {
			return nil, fmt.Errorf("cannot take the password hash of user %s: %w", name, err)
		}
	}
	return hashes, nil
}

// fetch brings every package that the plan installs into the cache, and from
// there to the stage.
func (s *session) fetch(ctx context.Context, t *wanted, p *spec.Plan) error {
	install := map[string]bool{}
	for _, c := range p.Of(spec.KindPackage) {
		install[c.ID.Name] = c.Action != spec.Delete
	}
	var need []spec.Locked
	for _, l := range t.lock {
		if install[l.Name] {
			need = append(need, l)
		}
	}
	if len(need) == 0 {
		return nil
	}
	cache, err := packageCache()
	if err != nil {
		return err
	}
	if err := s.offlineHas(need, cache); err != nil {
		return err
	}
	if err := s.checkDownload(need, cache); err != nil {
		return err
	}
	err = cache.Fetch(ctx, debianSources(t.flake), need, func(done, total int64) {
		s.at(step{What: "fetching packages", Done: done, Total: total, Unit: megaBytes})
	})
	if err != nil {
		return err
	}
	if err := s.checkCopies(need); err != nil {
		return err
	}
	dir, err := stage.MakeDebs(s.root)
	if err != nil {
		return err
	}
	return cache.Take(ctx, need, dir)
}

// offlineHas refuses, with --offline, packages that would have to be fetched.
func (s *session) offlineHas(need []spec.Locked, cache apt.Cache) error {
	if !s.offline {
		return nil
	}
	var missing []string
	for _, l := range cache.Missing(need) {
		missing = append(missing, l.Name+" "+l.Version)
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("cannot fetch packages: --offline forbids it, and the cache lacks %s", strings.Join(missing, ", "))
}

// stageLog is where the stage's tools print: the terminal with --verbose,
// otherwise a file that an error names.
func (s *session) stageLog(verbose bool) (io.Writer, func(), error) {
	if verbose {
		s.still() // what the tools print does not come in lines
		return s.stderr, func() {}, nil
	}
	f, err := os.OpenFile(s.stageLogPath(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { f.Close() }, nil
}
