package activate

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/spec"
)

// TestLeavers: what an account runs is named, and ends, a shell that does not
// want to included.
func TestLeavers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("running programs as another needs root")
	}
	const uid = 54321
	run := func(script string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	meek, stubborn := run("exec sleep 1000"), run("trap '' TERM; while :; do sleep 0.1; done")
	ended := make(chan error, 2)
	for _, cmd := range []*exec.Cmd{meek, stubborn} {
		go func() { ended <- cmd.Wait() }()
	}
	p := &spec.Plan{Changes: []spec.Change{
		{ID: spec.ID{Kind: spec.KindUser, Name: "bob"}, Action: spec.Delete, Fields: []spec.Field{{Name: "uid", Before: "54321"}}},
		{ID: spec.ID{Kind: spec.KindUser, Name: "root"}, Action: spec.Update, Fields: []spec.Field{{Name: "uid", Before: "0"}}},
	}}
	said := ""
	for began := time.Now(); !strings.Contains(said, "runs sh, sleep") && time.Since(began) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		leavers, err := Leavers(p)
		if err != nil || len(leavers) > 1 {
			t.Fatal(leavers, err)
		}
		said = leavers["bob"].String()
	}
	if said != "runs sh, sleep" {
		t.Errorf("of the account it says %q", said)
	}
	if err := endProcesses(t.Context(), uid); err != nil {
		t.Error(err)
	}
	for range 2 {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("a process goes on")
		}
	}
	if left, err := Leavers(p); err != nil || len(left) > 0 {
		t.Errorf("there is still %v (%v)", left, err)
	}
}
