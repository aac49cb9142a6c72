package cli

import (
	"bytes"
	"strings"
	"testing"
)

// What other tools call a command leads to the one that does it.
func TestCommandsOfOthersLeadOn(t *testing.T) {
	for typed, want := range map[string]string{"apply": "switch", "init": "flake", "status": "generations", "rebuild": "switch"} {
		var stdout, stderr bytes.Buffer
		if code := Run([]string{typed}, strings.NewReader(""), &stdout, &stderr); code == 0 || !strings.Contains(stderr.String(), "Did you mean this?\n\t"+want) {
			t.Errorf("hostctl %s ends with %d and says %q, want %q in it", typed, code, stderr.String(), want)
		}
	}
}

// rollback --to completes the machine's generations.
func TestRollbackCompletesGenerations(t *testing.T) {
	root := t.TempDir()
	writeTestFile(t, root+"/var/lib/hostctl/generations/3/meta.json", []byte("{}"))
	var stdout, stderr bytes.Buffer
	if code := Run([]string{"__complete", "--root", root, "rollback", "--to", ""}, strings.NewReader(""), &stdout, &stderr); code != 0 || !strings.HasPrefix(stdout.String(), "3\n") {
		t.Errorf("rollback --to is completed by %q (%d, %s), want 3", stdout.String(), code, stderr.String())
	}
}
