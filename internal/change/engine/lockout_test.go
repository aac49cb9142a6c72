package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/spec"
)

// TestKeyGoesMeanwhile: a key that goes between the question and the commit makes
// another plan of it, which nobody has agreed to.
func TestKeyGoesMeanwhile(t *testing.T) {
	root := t.TempDir()
	keys, dropIn := filepath.Join(root, "root/.ssh/authorized_keys"), "/etc/ssh/sshd_config"
	write(t, filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/bash\n"))
	write(t, filepath.Join(root, "etc/group"), []byte("root:x:0:\n"))
	write(t, keys, []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0 a\n"))
	want := &spec.Host{Files: map[string]spec.File{dropIn: {Type: spec.Regular, Content: "PasswordAuthentication no\n"}}}
	p := &spec.Plan{Changes: []spec.Change{{ID: spec.ID{Kind: spec.KindFile, Name: dropIn}, Action: spec.Create}}}
	m := &Machine{Options: quiet(root), prev: &spec.Host{}, seen: &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}}}}
	if err := m.noWorse(t.Context(), p, want, Agreement{}); err != nil {
		t.Errorf("with the key: %v", err)
	}
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	err := m.noWorse(t.Context(), p, want, Agreement{})
	var ended *Error
	if !errors.As(err, &ended) || ended.Outcome != Refused || !strings.Contains(err.Error(), "no account that may use sudo has a key") {
		t.Fatalf("without it: %v", err)
	}
	found, err := guard.Lockout(t.Context(), m.guarding(p, want))
	if err != nil {
		t.Fatal(err)
	}
	warnings := len(p.Warnings)
	if err := m.noWorse(t.Context(), p, want, Agreement{Lockout: found}); err != nil {
		t.Errorf("agreed to: %v", err)
	}
	if len(p.Warnings) != warnings {
		t.Errorf("the plan warns again: %q", p.Warnings)
	}
}
