package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/render"
)

const consoleHelp = `Type an expression as you would write it in a module next to flake.hcl:
  config.networking.firewall.allowed_tcp_ports
  [for name, u in config.user : name if u.shell == "zsh"]
  upper(args.user)
An open bracket continues on the next line. Tab completes option paths.

  :explain PATH   say where the value of an option comes from
  :help           this
  :quit           end; so does Ctrl-D
`

func newConsole(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "console",
		Short: "Evaluate expressions on a host's configuration",
		Long: `Read expressions, line by line, and print their values as HCL. They can use what
an expression in a module can: config, args, host, input and every function.
Secrets are references, as everywhere. From a pipe, console reads expressions
without prompts, and exits with 1 if one of them fails.

` + consoleHelp,
		Example: `  hostctl console --host laptop`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runConsole(cmd.Context(), e) },
	}
}

// console is one conversation about one host.
type console struct {
	result *eval.Result
	within func() (context.Context, func()) // the bounds of one expression
	leave  func()                           // gives the terminal back
	out    io.Writer
	errors io.Writer
	colour bool
	count  int  // of expressions: each has a name for its diagnostics
	failed bool // one of them did
}

func runConsole(ctx context.Context, e *env) error {
	bounded, end := e.bounded(ctx)
	defer end()
	f, name, err := e.loadFlake()
	if err != nil {
		return err
	}
	r, diags := eval.Host(bounded, f, name)
	// A configuration with errors can still be asked about what has none.
	if err := e.report(f, diags); err != nil && r.Spec == nil {
		return err
	}
	c := &console{result: r, out: e.stdout, errors: e.stderr, colour: color(e.stderr), leave: func() {}}
	c.within = func() (context.Context, func()) {
		return meter.Bounded(ctx, e.timeout, func(err error) {
			c.leave()
			os.Exit(e.end(err))
		})
	}
	in, isFile := e.stdin.(*os.File)
	if !isFile || !terminal(e.stdin) || !terminal(e.stdout) {
		end()
		return c.pipe(e.stdin)
	}
	catalog, diags := eval.Options(bounded, f, []string{name})
	end()
	if diags.HasErrors() {
		catalog = &eval.Catalog{}
	}
	e.stdout.exact = true // the line that is edited is painted anew all the time
	return c.terminal(in, name, places(catalog.Options))
}

// pipe reads expressions to the end of the input.
func (c *console) pipe(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var text string
	for lines.Scan() {
		text += lines.Text()
		if unfinished(text) {
			text += "\n"
			continue
		}
		if done := c.say(text); done {
			break
		}
		text = ""
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read expressions: %w", err)
	}
	if strings.TrimSpace(text) != "" && unfinished(text) {
		c.say(text)
	}
	if c.failed {
		return &exitError{code: exitFailed}
	}
	return nil
}

// terminal talks with a person: line editing, history, completion.
func (c *console) terminal(in *os.File, host string, paths []string) error {
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("cannot use the terminal: %w", err)
	}
	c.leave = func() { _ = term.Restore(int(in.Fd()), old) }
	defer c.leave()
	prompt := host + "> "
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, c.out}, prompt)
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return completeLine(paths, line, pos)
	}
	c.out, c.errors = errorsTo(t), &errorOutput{to: t, filter: render.Filter{Colours: c.colour}}
	fmt.Fprintln(t, "An expression, :help or :quit.")
	text := ""
	for {
		line, err := t.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return fmt.Errorf("cannot read the terminal: %w", err)
		}
		text += line
		if unfinished(text) {
			text += "\n"
			t.SetPrompt(strings.Repeat(".", len(host)) + "> ")
			continue
		}
		if c.say(text) {
			return nil
		}
		text = ""
		t.SetPrompt(prompt)
	}
}

// say answers one line; done means that it asked to end.
func (c *console) say(text string) (done bool) {
	ctx, end := c.within()
	c.result.Within(ctx)
	defer end()
	text = strings.TrimSpace(text)
	word, rest, _ := strings.Cut(text, " ")
	switch {
	case text == "":
	case word == ":quit" || word == ":q":
		return true
	case word == ":help":
		fmt.Fprint(c.out, consoleHelp)
	case word == ":explain":
		x, diags := c.result.Explain(strings.TrimSpace(rest))
		end()
		if !c.report(diags) {
			c.print(explanation(x))
		}
	case strings.HasPrefix(text, ":"):
		c.failed = true
		fmt.Fprintf(c.errors, "cannot do %s: :explain PATH, :help and :quit are known\n", word)
	default:
		c.count++
		v, diags := c.result.Expression(fmt.Sprintf("console-%d", c.count), text)
		end()
		if !c.report(diags) {
			c.print(string(hclwrite.Format(hclwrite.TokensForValue(v).Bytes())) + "\n")
		}
	}
	return false
}

func (c *console) print(text string) { fmt.Fprint(c.out, text) }

// report prints what is wrong and tells whether there is no answer.
func (c *console) report(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		if err := writeDiagnostic(c.errors, d, c.result.Files, c.colour); err != nil {
			break // the terminal is gone, which its next read says
		}
	}
	c.failed = c.failed || diags.HasErrors()
	return diags.HasErrors()
}

// unfinished reports whether a bracket or a heredoc is open.
func unfinished(text string) bool {
	if strings.HasPrefix(strings.TrimSpace(text), ":") {
		return false
	}
	tokens, _ := hclsyntax.LexExpression([]byte(text), "", hcl.InitialPos)
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCHeredoc:
			depth--
		}
	}
	return depth > 0
}

// completeLine completes the option path before the cursor: below config in
// an expression, from the top after :explain.
func completeLine(paths []string, line string, pos int) (string, int, bool) {
	start := strings.LastIndexAny(line[:pos], " \t([{,!?:=+") + 1
	word := line[start:pos]
	typed, inConfig := strings.CutPrefix(word, "config.")
	if !inConfig && !strings.HasPrefix(line, ":explain ") {
		return "", 0, false
	}
	found, _ := nextElements(paths, typed)
	common := ""
	for i, p := range found {
		if i == 0 {
			common = p
		}
		for !strings.HasPrefix(p, common) {
			common = common[:len(common)-1]
		}
	}
	common = strings.TrimSuffix(common, "*") // any key: the user's to say
	if len(common) <= len(typed) {
		return "", 0, false
	}
	made := line[:pos] + common[len(typed):]
	return made + line[pos:], len(made), true
}
