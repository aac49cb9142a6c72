package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/change/engine"
	"golang.org/x/sys/unix"
)

// The command that follows a service shows its steps: on a terminal as a bar,
// with what is said above it, and elsewhere in lines.
func TestStepsOfAService(t *testing.T) {
	dir := t.TempDir()
	tell := relay(dir)
	tell(engine.Step{What: "fetching packages", Done: 1e6, Total: 3e6, Unit: engine.MegaBytes})
	tell(engine.Step{What: "unpacking", Name: "nginx-light", Done: 1, Total: 2, Unit: "packages"})
	tell(engine.Step{What: "waiting for", Name: "nginx.service"})
	if err := os.WriteFile(filepath.Join(dir, "stderr"), []byte("committing 1 path\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	var lines bytes.Buffer
	f := follower{env: &env{stdout: &output{to: &lines}, stderr: errorsTo(&lines)}, dir: dir}
	f.copy()
	f.copy()
	f.still()
	if want := "fetching packages: 3.0 MB\nunpacking: 2 packages\ncommitting 1 path\n"; lines.String() != want {
		t.Errorf("without a terminal it says\n%s\nwant\n%s", lines.String(), want)
	}

	console, unsized := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(unsized.Fd()), unix.TIOCSWINSZ, &unix.Winsize{}); err != nil {
		t.Fatal(err)
	}
	f = follower{env: &env{stdout: &output{to: unsized}, stderr: errorsTo(unsized)}, dir: dir}
	f.copy()
	f.still()
	(&talk{t: t, terminal: console}).expect("a terminal without a size", "", "unpacking: 2 packages\r\n")

	ours, theirs := openTerminal(t)
	c := &talk{t: t, terminal: ours}
	f = follower{env: &env{stdout: &output{to: theirs}, stderr: errorsTo(theirs)}, dir: dir}
	f.copy()
	c.expect("the last step", "", "waiting for nginx.service")
	if !strings.Contains(c.said.String(), "committing 1 path\r\n") {
		t.Errorf("the terminal shows %q", c.said.String())
	}
	tell(engine.Step{What: "unpacking", Name: "libc6", Done: 2, Total: 2, Unit: "packages"})
	f.copy()
	c.expect("a later step", "", "2/2 packages")
	f.still()
	f.say("over")
	c.expect("what comes after it", "", "over\r\n")
	if left := c.said.String(); strings.Contains(left[strings.LastIndex(left, "over"):], "packages") {
		t.Errorf("the bar stays: %q", left)
	}
}

// Without a terminal a unit that is waited for is named after some seconds, once, and
// then as often as everything else: less and less often, and each minute at least.
func TestWaitingIsSaid(t *testing.T) {
	began := time.Now()
	d := &display{began: began}
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	told := func(from, to int) (when []int) {
		for s := from; s <= to; s++ {
			if d.due(at(s)) {
				when = append(when, s)
			}
		}
		return when
	}
	d.now, d.since = engine.Step{What: "unpacking", Name: "nginx", Done: 1, Total: 2, Unit: "packages"}, at(0)
	if got := told(1, 12); !slices.Equal(got, []int{10}) {
		t.Errorf("packages are told of after %v s", got)
	}
	d.now, d.since = engine.Step{What: engine.WaitingFor, Name: "a.service"}, at(12)
	if got := told(13, 30); !slices.Equal(got, []int{15, 25}) {
		t.Errorf("a unit is told of after %v s", got)
	}
	d.now, d.since = engine.Step{What: engine.WaitingFor, Name: "b.service"}, at(30)
	if got := told(31, 36); !slices.Equal(got, []int{33}) {
		t.Errorf("the next one after %v s", got)
	}
	d.now, d.since = engine.Step{What: "configuring", Name: "zfs-dkms", Done: 1, Total: 2, Unit: "packages"}, at(40)
	if got := told(41, 300); !slices.Equal(got, []int{43, 53, 66, 92, 144, 204, 264}) {
		t.Errorf("a package that takes minutes is printed after %v s", got)
	}
}
