package engine

import (
	"bytes"
	"slices"
	"strings"
	"testing"

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
	s := newPackageSteps(&log, func(s Step) { told = append(told, s.String()) }, p)
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
