package cli

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of hostctl",
		Long: `version prints the tag that hostctl was built from, or the commit if that has no
tag, and the Go version that built it. A + means that the files differed from the
commit.`,
		Example: "  hostctl version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if e.json {
				return e.writeJSON(map[string]string{"version": version(), "go": runtime.Version()})
			}
			_, err := fmt.Fprintf(e.stdout, "hostctl %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionOf(info)
}

// versionOf is the tag of the commit that the binary was built from, and
// otherwise the commit. Go makes a version up where there is no tag.
func versionOf(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	tag, revision := info.Main.Version, settings["vcs.revision"]
	madeUp := regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}(\+dirty)?$`)
	if revision == "" || tag != "" && tag != "(devel)" && !madeUp.MatchString(tag) {
		return regexp.MustCompile(`\+dirty$`).ReplaceAllString(tag, "+")
	}
	if revision = revision[:min(12, len(revision))]; settings["vcs.modified"] == "true" {
		revision += "+"
	}
	return revision
}
