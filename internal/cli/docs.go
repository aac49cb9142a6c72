package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newDocs(*env) *cobra.Command {
	return &cobra.Command{
		Use:   "docs markdown|man DIR",
		Short: "Write man pages or Markdown pages of the commands",
		Long: `docs writes one page for each command into a folder, as Markdown or as a man
page. It writes docs/commands in hostctl's repository.`,
		Example:   "  hostctl docs man /usr/local/share/man/man1\n  hostctl docs markdown docs/commands",
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"markdown", "man"},
		RunE: func(c *cobra.Command, args []string) error {
			return writeDocs(c.Root(), args[0], args[1])
		},
	}
}

func writeDocs(root *cobra.Command, format, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write the pages: %w", err)
	}
	root.DisableAutoGenTag = true // its date would make every run differ
	root.InitDefaultCompletionCmd()
	switch format {
	case "markdown":
		return doc.GenMarkdownTree(root, dir)
	case "man":
		return doc.GenManTree(root, &doc.GenManHeader{Title: "HOSTCTL", Section: "1", Source: "hostctl", Manual: "hostctl"}, dir)
	}
	return fmt.Errorf("cannot write pages as %q: markdown and man are known", format)
}
