package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// Of thousands of diagnostics those are shown that nobody can do without: errors.
func TestSomeDiagnostics(t *testing.T) {
	var diags hcl.Diagnostics
	for i := range 3000 {
		severity := hcl.DiagWarning
		if i >= 2500 {
			severity = hcl.DiagError
		}
		diags = append(diags, &hcl.Diagnostic{Severity: severity, Summary: fmt.Sprintf("Number %d", i)})
	}
	var stderr bytes.Buffer
	e := &env{stderr: errorsTo(&stderr)}
	if err := e.report(nil, diags); err == nil {
		t.Error("errors are not reported as such")
	}
	said := stderr.String()
	if n := strings.Count(said, "Number "); n != maxShown || !strings.Contains(said, "Number 2999") || !strings.Contains(said, "2000 more") {
		t.Errorf("%d are shown:\n%.500s", n, said)
	}
}
