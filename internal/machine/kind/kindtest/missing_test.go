package kindtest

import (
	"os"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/spec"
)

// TestNothingBringsIt: a stage refuses what is named and not there, root's login
// shell above all.
func TestNothingBringsIt(t *testing.T) {
	root := debian(t)
	origins := map[spec.ID]spec.Origin{{Kind: spec.KindUser, Name: "root"}: {File: "a.hcl", Line: 2}}
	host := &spec.Host{
		Users: map[string]spec.User{"root": {Home: "/root", Shell: "/usr/bin/nosh"}, "ann": {Shell: "/etc/passwd"}},
		Files: map[string]spec.File{
			"/etc/localtime": {Type: spec.Symlink, Target: "/usr/share/zoneinfo/US/Pacific"},
			"/etc/app.pem":   {Type: spec.Symlink, Target: "../usr/share/ca-certificates/none.crt"},
			"/etc/later":     {Type: spec.Symlink, Target: "/run/later"},
		},
		Secrets: map[string]spec.Secret{"t": {Key: "t", Mode: "0400", Owner: "nobody-here", Group: "no-group-here"}},
		Origins: origins,
	}
	err := change(t, root, host, nil, nil)
	refused(t, err, `cannot set user "root" (a.hcl:2): its login shell /usr/bin/nosh does not exist`,
		`user "ann": its login shell /etc/passwd is no program`,
		"/usr/share/zoneinfo/US/Pacific, which no package brings", "tzdata-legacy",
		"/usr/share/ca-certificates/none.crt, which no package brings; add the package",
		`secret "t": there is no user "nobody-here"`, `secret "t": there is no group "no-group-here"`)
	if err != nil && strings.Contains(err.Error(), "/etc/later") {
		t.Errorf("what may come at run time is refused: %v", err)
	}
	good := &spec.Host{
		Users: map[string]spec.User{
			"root":   {Home: "/root", Shell: "/usr/local/bin/sh2"},
			"eve-no": {Shell: "/usr/bin/nosh", Absent: true},
		},
		Files: map[string]spec.File{
			"/usr/local/bin/sh2": {Type: spec.Symlink, Target: "/bin/sh"},
			"/etc/localtime":     {Type: spec.Symlink, Target: "../usr/share/zoneinfo/UTC"},
		},
	}
	if err := change(t, debian(t), good, nil, nil); err != nil {
		t.Errorf("what is there is refused: %v", err)
	}
}

// TestPathsMeetInTheStage: a link that is there when files are written makes one
// of two, and the plan knows of it when it was there before.
func TestPathsMeetInTheStage(t *testing.T) {
	root := folder(t)
	for _, dir := range []string{"/srv/app", "/opt"} {
		if err := os.MkdirAll(root.Path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/srv/app", root.Path("/opt/app")); err != nil {
		t.Fatal(err)
	}
	host := &spec.Host{Files: map[string]spec.File{"/opt/app/conf": regular("1"), "/srv/app/conf": regular("2")}}
	st, err := kind.Observe(root, host, nil, kind.NewStatCache())
	if err != nil || len(st.Leads) != 1 || st.Leads["/opt/app/conf"] != "/srv/app/conf" {
		t.Errorf("links that lead elsewhere: %v, %v", st, err)
	}
	refused(t, change(t, root, host, nil, nil), "/opt/app/conf also leads to /srv/app/conf")
	if _, err := os.Stat(root.Path("/srv/app/conf")); err == nil {
		t.Error("one of the two was written")
	}
}
