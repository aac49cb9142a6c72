// Package cli is the command line: one file per command, each with a
// constructor, an options struct and a run function. It is the only package
// that sees both what a host should be and what it is.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/config/git"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

// Exit codes, the same for every command.
const (
	exitOK         = 0
	exitFailed     = 1 // failed, and the host is as it was
	exitChanges    = 2 // plan --detailed-exitcode, drift: there are changes
	exitRolledBack = 3 // failed after the commit, and rolled back
	exitLocked     = 4 // another run holds the lock
	exitRefused    = 5 // what is asked for could be done, and a guard says no; nothing was changed

	exitLeft      = 129 // the session ended, and the run goes on without it; what shells make of SIGHUP
	exitCancelled = 130 // a signal came before anything was changed; what shells make of Ctrl-C

	exitUnformatted = 3 // fmt --check: a file is not formatted; terraform fmt has the same
)

// env is what a command has of the world around it.
type env struct {
	stdin    io.Reader
	stdout   *output
	stderr   io.Writer
	flakeDir string        // --flake
	host     string        // --host; empty is this machine's host name
	root     string        // --root
	json     bool          // --json
	timeout  time.Duration // --eval-timeout
	offline  bool          // --offline

	doubtful bool // the configuration has warnings, or worse

	found hcl.Diagnostics // with --json: what end is to print
	files map[string]*hcl.File

	inService bool            // this is the service that does what a session asked for
	confirmed *spec.SavedPlan // what to do exactly: of a file, or what a session confirmed
	by        engine.Person   // who confirmed it; of a service alone
	handed    *job            // what the service is to do
	announced *spec.Plan      // with --json: what is printed when it is done
	asks      string          // what a person is to be asked, once no lock is held
	word      string          // what the answer has to name beside a yes; "" is nothing
	agreed    string          // what a person was asked and said yes to

	tell    func(engine.Step) // where what the run is at is shown; nil until there is something
	display *display          // of this process, if it is there that it is shown

	interrupted func() error // of the command's context: what a signal has cancelled
	past        bool         // a signal cancels nothing from here on
}

// outcomes are the exit codes for how a change ended that failed.
func outcomes() map[engine.Outcome]int {
	return map[engine.Outcome]int{engine.RolledBack: exitRolledBack, engine.Refused: exitRefused, engine.Held: exitLocked}
}

// exitError is an error that ends hostctl with a code of its own.
type exitError struct {
	code int
	err  error // nil: everything has been said already
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// Run executes one command line and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), cancelling()...)
	defer stop()
	git.Patience()
	return execute(ctx, &env{stdin: stdin, stdout: &output{to: stdout, filter: render.Filter{Colours: color(stdout)}}, stderr: errorsTo(stderr)}, args)
}

// cancelling are the signals that end a command which has changed nothing yet.
func cancelling() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} }

// interruptible makes signals cancel what follows, also where a recovery has
// made them do nothing.
func (e *env) interruptible(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, cancelling()...)
	e.interrupted, e.past = ctx.Err, false
	return ctx, func() {
		came := ctx.Err() // stop cancels it, too
		e.interrupted = func() error { return came }
		stop()
	}
}

// cancelled says whether a signal has ended the command, and not its work.
func (e *env) cancelled() bool {
	return !e.past && e.interrupted != nil && e.interrupted() != nil
}

func execute(ctx context.Context, e *env, args []string) int {
	e.interrupted = ctx.Err
	root := newRootCommand(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	code := e.end(root.ExecuteContext(ctx))
	// cobra keeps what completes a flag, and that e, as long as the process lives.
	e.found, e.files = nil, nil
	return code
}

// end says how a command ended, and is its exit code. What a command could not
// write to stdout fails it here, whichever it is.
func (e *env) end(err error) int {
	e.still()
	code, text := exitFailed, ""
	var exit *exitError
	var ended *engine.Error
	var diags hcl.Diagnostics
	switch {
	case err == nil:
		code = exitOK
	case e.cancelled(): // all that failed, failed of it
		code, text = exitCancelled, "cancelled"
	case errors.As(err, &exit):
		code = exit.code
		if exit.err != nil {
			text = err.Error()
		}
	case errors.As(err, &ended):
		code, text = outcomes()[ended.Outcome], err.Error()
	case errors.As(err, &diags): // of an input: it names it
		err = e.report(nil, diags)
	default:
		text = err.Error()
	}
	failed := text != ""
	if e.json && e.endJSON(text) {
		text = ""
	}
	switch {
	case text == "":
	case code == exitCancelled:
		e.say("%s", text)
	default:
		e.say("hostctl: %s", text)
	}
	lost := e.stdout.err
	if lost == nil {
		return code
	}
	if !errors.Is(err, lost) {
		e.say("hostctl: cannot print all of it: %v", lost)
	}
	if !failed {
		code = exitFailed
	}
	return code
}

// textOnly reports whether a command refuses --json.
func textOnly(command string) bool {
	return slices.Contains([]string{"console", "init", "docs", "lsp"}, command)
}

func newRootCommand(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "hostctl",
		Short: "Make a Debian machine what one git repo says it is",
		Long: `hostctl reads a flake (a git repo of HCL that describes every host) and makes a
Debian machine match it: packages, services, users, files and secrets, in one
transaction that 'hostctl rollback' undoes exactly.

Exit codes: 0 done or nothing to do, 1 failed and unchanged, 2 changes present
(plan --detailed-exitcode, drift), 3 failed and rolled back, 4 another run holds
the lock, 5 refused: the configuration is valid, but a guard does not allow what
it would do, 129 the session ended, the run continues as hostctl-run.service,
130 cancelled by Ctrl-C or SIGTERM before anything changed.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if c.Name() != "lsp" && c.Name() != "console" {
				collectLate()
			}
			if e.json && textOnly(c.Name()) {
				return fmt.Errorf("cannot print JSON: '%s' has none; 'hostctl eval --json' prints what a host resolves to", c.CommandPath())
			}
			e.stdout.filter.JSON = e.json || c.Name() == "eval"
			if e.timeout <= 0 {
				return fmt.Errorf("cannot use --eval-timeout %s: evaluation needs time, such as 30s or 2m", e.timeout)
			}
			return e.resolveRoot()
		},
	}
	f := root.PersistentFlags()
	f.StringVarP(&e.flakeDir, "flake", "f", ".", "folder that holds flake.hcl")
	f.StringVar(&e.host, "host", "", "host of the flake (default: this machine's host name)")
	f.StringVar(&e.root, "root", "/", "root of the machine to work on")
	f.BoolVar(&e.json, "json", false, "print JSON for machines")
	f.BoolVar(&e.offline, "offline", false, "fetch nothing: inputs and packages are in the cache, or it is an error")
	f.DurationVar(&e.timeout, "eval-timeout", evalTimeout, "how long the evaluation of the configuration may take")
	// It fails only for a flag that does not exist.
	_ = root.RegisterFlagCompletionFunc("host", completeHosts(e))
	for _, g := range commands(e) {
		if g.id != "" {
			root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		}
		for _, command := range g.commands {
			command.GroupID = g.id
			root.AddCommand(command)
		}
	}
	root.SetHelpCommandGroupID("maintain")
	root.SetCompletionCommandGroupID("maintain")
	return root
}

// How late garbage is collected: first when there are 64 MB of it, as Go
// counts from 4 MB, then when memory has grown fivefold.
const (
	collectFirst = 1600
	collectThen  = 400
)

// collectLate trades memory for the fifth of its time that a process which
// ends soon would spend on collecting garbage. Most then collect none.
func collectLate() {
	debug.SetGCPercent(collectFirst)
	// The cleanup of what nothing refers to runs after the first collection.
	runtime.AddCleanup(new([32]byte), func(int) {
		if now := debug.SetGCPercent(collectThen); now != collectFirst { // sparing has decided otherwise
			debug.SetGCPercent(now)
		}
	}, 0)
}

// evalTimeout is how long an evaluation may take that --eval-timeout gives no
// other time: twice what 10,000 hosts take on two slow processors, and with what
// is left to a call that is under way, less than half a minute.
const evalTimeout = 25 * time.Second

// bounded is a context for reading and evaluating the configuration: in bounds
// of time and memory, and until an interruption. What does not end by itself
// then ends the command; nothing has been changed yet. The caller calls end when
// it is done.
func (e *env) bounded(ctx context.Context) (bounded context.Context, end func()) {
	return meter.Bounded(ctx, e.timeout, func(err error) { os.Exit(e.end(err)) })
}

// manyHosts is a fleet whose files alone are so much that collecting garbage
// late would multiply it.
const manyHosts = 100

// sparing collects garbage as Go does by itself where there are many hosts.
func sparing(hosts int) {
	if hosts > manyHosts {
		debug.SetGCPercent(100)
	}
}

// resolveRoot turns --root into the path that mountinfo(5) knows it by.
func (e *env) resolveRoot() error {
	path, err := filepath.Abs(e.root)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return fmt.Errorf("cannot work on --root %s: %w", e.root, err)
	}
	e.root = path
	return nil
}

// group is what the commands of one part of help are for.
type group struct {
	id, title string
	commands  []*cobra.Command
}

// commands are all commands, grouped as help shows them.
func commands(e *env) []group {
	return []group{
		{"configure", "Write a configuration:", []*cobra.Command{
			newFlake(e),
			newUpdate(e),
			newValidate(e),
			newFmt(e),
			newFix(e),
			newOptions(e),
			newLSP(e),
		}},
		{"apply", "Apply it to this machine:", []*cobra.Command{
			newPlan(e),
			newSwitch(e),
			newBoot(e),
			newTest(e),
			newConfirm(e),
			newRollback(e),
			newBuild(e),
			newDryActivate(e),
		}},
		{"inspect", "Inspect configurations and machines:", []*cobra.Command{
			newShow(e),
			newEval(e),
			newExplain(e),
			newConsole(e),
			newGenerations(e),
			newDrift(e),
		}},
		{"maintain", "Maintain:", []*cobra.Command{
			newRecover(e),
			newGC(e),
			newSecrets(e),
			newDocs(e),
			newVersion(e),
		}},
		{"", "", []*cobra.Command{ // hidden: hostctl starts these itself
			newStageChild(e),
			newStageRun(e),
			newEndTrial(e),
			newAfterBoot(e),
			newServiceRun(e),
		}},
	}
}
