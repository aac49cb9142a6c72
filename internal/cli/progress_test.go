package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/spec"
)

// What a maintainer script prints is passed on to the log, and no word of it to
// whoever watches.
func TestPackageSteps(t *testing.T) {
	p := emptyPlan()
	for _, name := range []string{"nginx-light", "libc6"} {
		p.Changes = append(p.Changes, spec.Change{ID: spec.ID{Kind: spec.KindPackage, Name: name}, Action: spec.Create})
	}
	var log bytes.Buffer
	var told []string
	s := newPackageSteps(&log, func(s step) { told = append(told, s.String()) }, p)
	const said = "Preparing to unpack .../libc6.deb ...\nUnpacking libc6:amd64 (2.41-12) over (2.41-11) ...\n" +
		"Unpacking nginx-light (1.26.3-3) ...\nSetting up hunter2 (the password) ...\nSetting up libc6:amd64 (2.41-12) ...\n" +
		"Setting up nginx-light\n"
	for _, b := range slices.Collect(slices.Chunk([]byte(said), 7)) {
		if n, err := s.Write(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
	}
	if log.String() != said {
		t.Errorf("the log has %q", log.String())
	}
	want := []string{"unpacking libc6 1/2 packages", "unpacking nginx-light 2/2 packages", "configuring libc6 1/2 packages"}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// The command that follows a service shows its steps: on a terminal as a bar,
// with what is said above it, and elsewhere in lines.
func TestStepsOfAService(t *testing.T) {
	dir := t.TempDir()
	tell := relay(dir)
	tell(step{What: "fetching packages", Done: 1e6, Total: 3e6, Unit: megaBytes})
	tell(step{What: "unpacking", Name: "nginx-light", Done: 1, Total: 2, Unit: "packages"})
	tell(step{What: "waiting for", Name: "nginx.service"})
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
	tell(step{What: "unpacking", Name: "libc6", Done: 2, Total: 2, Unit: "packages"})
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
	d.now, d.since = step{What: "unpacking", Name: "nginx", Done: 1, Total: 2, Unit: "packages"}, at(0)
	if got := told(1, 12); !slices.Equal(got, []int{10}) {
		t.Errorf("packages are told of after %v s", got)
	}
	d.now, d.since = step{What: waitingFor, Name: "a.service"}, at(12)
	if got := told(13, 30); !slices.Equal(got, []int{15, 25}) {
		t.Errorf("a unit is told of after %v s", got)
	}
	d.now, d.since = step{What: waitingFor, Name: "b.service"}, at(30)
	if got := told(31, 36); !slices.Equal(got, []int{33}) {
		t.Errorf("the next one after %v s", got)
	}
	d.now, d.since = step{What: "configuring", Name: "zfs-dkms", Done: 1, Total: 2, Unit: "packages"}, at(40)
	if got := told(41, 300); !slices.Equal(got, []int{43, 53, 66, 92, 144, 204, 264}) {
		t.Errorf("a package that takes minutes is printed after %v s", got)
	}
}
