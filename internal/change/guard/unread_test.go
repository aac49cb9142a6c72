package guard

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/spec"
)

// TestUnreadKeys: what an account puts where its keys are to be keeps nobody from
// a change. Where that is no file a warning says so, and what the plan itself
// closes is still told.
func TestUnreadKeys(t *testing.T) {
	const keys, motd = "/home/ann/.ssh/authorized_keys", "/etc/motd"
	for name, c := range map[string]struct {
		put  func(at string) error
		warn string
	}{
		"a link to itself": {func(at string) error { return os.Symlink("authorized_keys", at) }, "too many levels of symbolic links"},
		"a pipe":           {func(at string) error { return unix.Mkfifo(at, 0o600) }, "it is no regular file"},
		"too much":         {func(at string) error { return errors.Join(os.WriteFile(at, nil, 0o600), os.Truncate(at, 1<<40)) }, "it is larger than 1048576 bytes"},
		"a folder":         {func(at string) error { return os.Mkdir(at, 0o700) }, ""},
		"nothing":          {func(string) error { return nil }, ""},
	} {
		root := machineOf(t, map[string]string{
			"/etc/passwd":           "root:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n",
			"/etc/group":            "root:x:0:\nsudo:x:27:ann\nann:x:1000:\n",
			"/etc/sudoers":          "%sudo ALL=(ALL:ALL) ALL\n",
			"/etc/ssh/sshd_config":  "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\n",
			"/home/ann/.ssh/config": "",
		})
		if err := c.put(root.Path(keys)); err != nil {
			t.Fatal(err)
		}
		in := Input{Root: root, Want: &spec.Host{Files: map[string]spec.File{motd: regular("x")}}, Prev: &spec.Host{},
			Plan:   &spec.Plan{Changes: []spec.Change{step(spec.KindFile, motd, spec.Create)}},
			State:  &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}, "sudo": {}}},
			Person: Person{Account: "ann"}}
		done := make(chan struct{})
		go func() {
			defer close(done)
			said, err := Lockout(t.Context(), in)
			if err != nil || len(said) > 0 {
				t.Errorf("%s: %q, %v", name, said, err)
			}
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it waits", name)
		}
		warned := strings.Join(in.Plan.Warnings, "\n")
		if (c.warn == "") != (warned == "") || c.warn != "" && !strings.HasPrefix(warned, "cannot read "+keys+": "+c.warn) {
			t.Errorf("%s: it warns %q", name, warned)
		}
	}
}
