package cli

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/system"
)

func newFlake(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:        "flake",
		SuggestFor: []string{"init", "new", "lock"},
		Short:      "Create a flake and inspect its inputs",
		Long:       "A flake is a folder with a flake.hcl: the configuration of hosts, and the inputs that it uses.",
		Example:    "  hostctl flake init ~/config\n  hostctl flake fetch\n  hostctl flake metadata",
		Args:       cobra.NoArgs,
	}
	c.AddCommand(newFlakeInit(e), newFlakeFetch(e), newFlakeMetadata(e))
	return c
}

func newFlakeFetch(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "fetch",
		Short: "Fetch the locked inputs into the cache, private ones too",
		Long: `fetch downloads every input in flake.lock, and the inputs of inputs, into this
user's cache, at exactly the locked commit and content. It logs in as git and ssh
do: with keys, ~/.netrc and the helpers of your git configuration. Only 'hostctl
update' does the same. Every other command fetches a missing input over https
without a login, or not at all. With the inputs in the cache, '--offline' works
even on a flake that somebody else wrote.`,
		Example: "  hostctl flake fetch\n  hostctl flake fetch --flake /etc/hostctl",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runFlakeFetch(c.Context(), e) },
	}
}

func runFlakeFetch(ctx context.Context, e *env) error {
	if e.offline {
		return errors.New("cannot fetch: --offline forbids it")
	}
	f, diags := e.load()
	if err := e.report(f, diags); err != nil {
		return err
	}
	fetched, err := f.Fetch(ctx)
	if err != nil {
		return err
	}
	if e.json {
		return e.writeJSON(struct {
			Fetched []string `json:"fetched"`
		}{append([]string{}, fetched...)})
	}
	for _, name := range fetched {
		fmt.Fprintln(e.stdout, "input "+name)
	}
	return nil
}

func newFlakeMetadata(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "metadata",
		Short: "Show the flake's inputs and their locked revisions",
		Long: `metadata prints the flake's folder, its commit, and every input: its url, the
revision, date and content hash in flake.lock, what its own inputs follow, and
whether it is in this user's cache. It fetches nothing and compares no content.`,
		Example: "  hostctl flake metadata\n  hostctl flake metadata --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runFlakeMetadata(cmd.Context(), e) },
	}
}

// flakeMetadata is what metadata prints as JSON.
type flakeMetadata struct {
	Path        string            `json:"path"`
	Description string            `json:"description"`
	Revision    string            `json:"revision,omitempty"`
	Dirty       bool              `json:"dirty"` // there is more than the revision has
	Hosts       []string          `json:"hosts"`
	Inputs      []flake.InputInfo `json:"inputs"`
}

func runFlakeMetadata(ctx context.Context, e *env) error {
	f, diags := e.readFlake(ctx)
	if err := e.report(f, diags); err != nil {
		return err
	}
	_, end := e.bounded(ctx) // a repository can be made to take all memory, too
	commit, dirty, err := f.Revision()
	end()
	if err != nil {
		return err
	}
	m := flakeMetadata{Path: f.Dir, Description: f.Description, Revision: commit, Dirty: dirty, Hosts: f.Hosts(), Inputs: f.Inputs()}
	if m.Inputs == nil {
		m.Inputs = []flake.InputInfo{}
	}
	if e.json {
		return e.writeJSON(m)
	}
	return m.print(e)
}

func (m flakeMetadata) print(e *env) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row("path", m.Path)
	if m.Description != "" {
		row("description", m.Description)
	}
	switch {
	case m.Revision == "":
		row("revision", "none: it is in no git repository, or has no commit yet")
	case m.Dirty:
		row("revision", m.Revision+", and changes that are not committed")
	default:
		row("revision", m.Revision)
	}
	row("hosts", strings.Join(m.Hosts, ", "))
	for _, in := range m.Inputs {
		row()
		row("input "+in.Name, in.URL)
		row("  state", state(in))
		if in.Rev != "" {
			row("  revision", in.Rev)
		}
		if in.Date != nil {
			row("  date", in.Date.Format(time.RFC3339))
		}
		if in.Hash != "" {
			row("  hash", in.Hash)
		}
		for _, name := range sortedKeys(in.Follows) {
			row("  its "+name, "is our "+in.Follows[name])
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("cannot print the metadata: %w", err)
	}
	return nil
}

func state(in flake.InputInfo) string {
	switch {
	case in.Kind == "packages":
		return "each host's packages.lock holds its packages"
	case in.State != "locked":
		name, _, _ := strings.Cut(in.Name, ".")
		return in.State + ": run 'hostctl update " + name + "'"
	case in.Kind == "folder":
		return "locked, a folder"
	case in.Cached:
		return "locked, in the cache"
	}
	return "locked, not in the cache: 'hostctl flake fetch' brings it there"
}

//go:embed starter
var starter embed.FS

func newFlakeInit(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a small flake to start from",
		Long: `init writes a flake with one host into DIR, or into this folder: flake.hcl, the
host's module, a module for every host, and a .gitignore. The host gets the name
that --host gives, or else this machine's, and packages of the Debian release
that this machine runs. init overwrites nothing.`,
		Example: "  hostctl flake init\n  hostctl flake init ~/config --host laptop",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return runFlakeInit(e, dir)
		},
	}
}

func runFlakeInit(e *env, dir string) error {
	host := e.host
	if host == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("cannot tell this machine's name: %w; give --host", err)
		}
		host, _, _ = strings.Cut(name, ".")
	}
	if !flake.ValidHostName(host) {
		return fmt.Errorf("cannot make a flake for host %q: a name has letters, digits and hyphens; give --host NAME", host)
	}
	suite, err := e.release()
	if err != nil {
		return err
	}
	files, err := starterFiles(host, suite)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(files) {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot make a flake in %s: %s is there already; nothing was written", dir, name)
		}
	}
	for _, name := range sortedKeys(files) {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("cannot make the flake: %w", err)
		}
		if err := os.WriteFile(full, files[name], 0o644); err != nil {
			return fmt.Errorf("cannot make the flake: %w", err)
		}
		fmt.Fprintln(e.stdout, full)
	}
	e.say(`
Next, in %s:
  git init && git add .        it is a git repository
  hostctl validate             is it right?
  hostctl update               lock the packages
  %-28s what would change`, dir, "hostctl plan --host "+host)
	return nil
}

// otherRelease is the release of a flake that is begun where there is no Debian.
const otherRelease = "trixie"

// release is the code name of this machine's release of Debian (os-release(5)):
// a flake begins with what there is, and moves to another one when it says so.
func (e *env) release() (string, error) {
	const path = "/etc/os-release"
	b, err := system.Root(e.root).Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot tell this machine's release: %w", err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[key] = strings.Trim(value, `"'`)
	}
	suite := said["VERSION_CODENAME"]
	if said["ID"] == "debian" && flake.ValidHostName(suite) { // a code name is a word of letters
		return suite, nil
	}
	e.say("this machine does not say that it is Debian: the flake is of %s; change input \"debian\" in flake.hcl if the host has another release", otherRelease)
	return otherRelease, nil
}

// starterFiles are the files of a new flake by path.
func starterFiles(host, suite string) (map[string][]byte, error) {
	names := strings.NewReplacer("@host@", host, "@system@", runtime.GOARCH, "@suite@", suite)
	files := map[string][]byte{}
	err := fs.WalkDir(starter, "starter", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := starter.ReadFile(p)
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(p, "starter/")
		switch {
		case rel == "gitignore":
			rel = ".gitignore"
		case path.Dir(rel) == "host":
			rel = path.Join("hosts", host, path.Base(rel))
		}
		files[rel] = []byte(names.Replace(string(b)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("internal error: cannot read the starting flake: %w", err)
	}
	return files, nil
}
