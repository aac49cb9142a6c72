package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestTroubleshootingQuotesGoldens holds each error that the page shows to a
// text of test/wrong, which TestWrong holds to what hostctl prints.
func TestTroubleshootingQuotesGoldens(t *testing.T) {
	archives, err := filepath.Glob("../../test/wrong/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no wrong configurations", err)
	}
	var wanted []string
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, "/want") {
				wanted = append(wanted, string(f.Data))
			}
		}
	}
	const page = "docs/troubleshooting.md"
	n := 0
	for _, f := range fences(page, pages(t)[page]) {
		if f.language != "text" {
			continue
		}
		n++
		if !strings.Contains(strings.Join(wanted, "\n"), f.text) {
			t.Errorf("%s:%d: no wrong configuration of test/wrong makes hostctl say\n%s", f.page, f.line, f.text)
		}
	}
	if n != 10 {
		t.Errorf("%s shows %d errors; it says that there are ten", page, n)
	}
}
