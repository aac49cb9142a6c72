package engine

import (
	"errors"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// A switch of a root elsewhere must not stop, start or configure anything on
// the machine that hostctl runs on.
func TestOtherRootIsNotActivated(t *testing.T) {
	m := &Machine{Options: quiet(t.TempDir())}
	want := emptyHost()
	want.Secrets = map[string]spec.Secret{"token": {}}
	want.Settings.AgeKeyFile = "/nonexistent/key"
	c := &change{plan: emptyPlan(), want: want}
	c.outlook = m.beforehand(t.Context(), c)
	if err := m.stopUnits(t.Context(), c); err != nil || c.healthy != nil {
		t.Errorf("this machine's units were looked at: %v, %v", c.healthy, err)
	}
	if err := errors.Join(m.makeBootable(t.Context(), c), m.activateUnits(t.Context(), c)); err != nil {
		t.Errorf("another root's secrets were looked for here: %v", err)
	}
}
