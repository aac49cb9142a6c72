package plan

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

func text(content string) spec.File {
	return spec.File{Type: spec.Regular, Content: content, Digest: spec.Sum([]byte(content)), Mode: "0644", Owner: "root", Group: "root"}
}

const ownHosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n127.0.1.1 web1\n"

// TestHostsOfOthersStay: /etc/hosts is taken over only with all that is in it.
func TestHostsOfOthersStay(t *testing.T) {
	mine := &spec.Host{
		Files:   map[string]spec.File{hostsPath: text(ownHosts)},
		Origins: map[spec.ID]spec.Origin{{Kind: spec.KindFile, Name: hostsPath}: {File: "hosts/web1.hcl", Line: 3}},
	}
	for name, c := range map[string]struct {
		live, hostname string
		prev           *spec.Host
		want           []string // in the error; none is allowed
	}{
		"none":                     {want: nil},
		"the installer's own":      {live: "127.0.0.1\tlocalhost\n127.0.1.1\tweb1\n\n# comment\n::1 localhost ip6-loopback\n"},
		"names written otherwise":  {live: "127.0.0.1 LocalHost\nFF02::1 ip6-allnodes # gone: x\n"},
		"the former name":          {live: "127.0.0.1 localhost\n127.0.1.1 Debian\n", hostname: "debian\n"},
		"the domain":               {live: "127.0.1.1 web1.example.org web1\n", want: []string{`(hosts/web1.hcl:3)`, `"127.0.1.1" = ["web1.example.org", "web1"]`}},
		"others":                   {live: "10.0.0.5 db.lan db\n10.0.0.6 mail\n127.0.0.1 localhost\n", want: []string{"networking {", `"10.0.0.5" = ["db.lan", "db"]`, `"10.0.0.6" = ["mail"]`}},
		"another name for a known": {live: "127.0.0.1 localhost app.test\n", want: []string{`"127.0.0.1" = ["localhost", "app.test"]`}},
		"what hostctl wrote":       {live: "10.0.0.5 db\n", prev: &spec.Host{Files: map[string]spec.File{hostsPath: text("10.0.0.5 db\n")}}},
		"a name that hostctl wrote, and one by hand": {live: "10.0.0.5 db\n10.0.0.6 mail\n",
			prev: &spec.Host{Files: map[string]spec.File{hostsPath: text("10.0.0.5 db\n")}}, want: []string{`"10.0.0.6" = ["mail"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			st := &spec.State{Files: map[string]spec.File{}}
			if c.live != "" {
				st.Files[hostsPath] = text(c.live)
			}
			if c.hostname != "" {
				st.Files["/etc/hostname"] = text(c.hostname)
			}
			if c.prev == nil {
				c.prev = &spec.Host{}
			}
			refusedWith(t, Refuse(&spec.Plan{}, mine, c.prev, st), c.want...)
		})
	}
	unread := text("x")
	unread.Content = ""
	for name, st := range map[string]spec.File{"unread": unread, "link": {Type: spec.Symlink, Target: "/run/hosts"}} {
		t.Run(name, func(t *testing.T) {
			refusedWith(t, Refuse(&spec.Plan{}, mine, &spec.Host{}, &spec.State{Files: map[string]spec.File{hostsPath: st}}), "move it away")
		})
	}
	_, p := lines(t, Input{Want: &spec.Host{KernelModules: []string{"x"}}, Prev: mine, State: &spec.State{Files: mine.Files}})
	if len(p.Changes) != 1 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "stays as it is") {
		t.Errorf("without a line about it, %s is to go: %v, %q", hostsPath, p.Changes, p.Warnings)
	}
}

// refusedWith wants an error with all parts, or none without any.
func refusedWith(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err != nil && len(parts) == 0 {
		t.Errorf("refused: %v", err)
	}
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal %v lacks %q", err, part)
		}
	}
}

// TestPathsMeetOnTheMachine: the machine has links that no configuration knows of.
func TestPathsMeetOnTheMachine(t *testing.T) {
	two := &spec.Host{
		Files:   map[string]spec.File{"/opt/app/conf": text("1"), "/srv/app/conf": text("2")},
		Origins: map[spec.ID]spec.Origin{{Kind: spec.KindFile, Name: "/opt/app/conf"}: {File: "a.hcl", Line: 3}},
	}
	refusedWith(t, Refuse(&spec.Plan{}, two, &spec.Host{}, &spec.State{}))
	refusedWith(t, Refuse(&spec.Plan{}, two, &spec.Host{}, &spec.State{Leads: map[string]string{"/opt/app/conf": "/srv/app/conf"}}),
		`file["/srv/app/conf"]`, "/opt/app/conf also leads to /srv/app/conf (a.hcl:3)", "remove one")
	refusedWith(t, Refuse(&spec.Plan{}, two, &spec.Host{}, &spec.State{Leads: map[string]string{"/opt/app/conf": "/run/app/conf"}}),
		`file "/opt/app/conf" (a.hcl:3)`, "/run/app/conf on this machine", "systemd-tmpfiles")
	goes := &spec.Plan{Changes: []spec.Change{{
		ID: spec.ID{Kind: spec.KindFile, Name: "/opt/app"}, Action: spec.Delete,
		Fields: []spec.Field{{Name: "type", Before: string(spec.Symlink)}},
	}}}
	refusedWith(t, Refuse(goes, two, &spec.Host{}, &spec.State{Leads: map[string]string{"/opt/app/conf": "/srv/app/conf"}}))
}

// TestMasksOfOthersStay: what somebody has masked is not enabled without a word that
// takes the mask away.
func TestMasksOfOthersStay(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		want, prev, have spec.Unit
		refused          bool
	}{
		"masked":         {spec.Unit{Enabled: &yes}, spec.Unit{}, spec.Unit{Enabled: &yes, Masked: &yes}, true},
		"unmasked by it": {spec.Unit{Enabled: &yes, Masked: &no}, spec.Unit{}, spec.Unit{Enabled: &no, Masked: &yes}, false},
		"masked by us":   {spec.Unit{Enabled: &yes}, spec.Unit{Masked: &yes}, spec.Unit{Enabled: &no, Masked: &yes}, false},
		"not masked":     {spec.Unit{Enabled: &yes}, spec.Unit{}, spec.Unit{Enabled: &no, Masked: &no}, false},
		"disabled":       {spec.Unit{Enabled: &no}, spec.Unit{}, spec.Unit{Enabled: &yes, Masked: &yes}, false},
		"masked since":   {spec.Unit{Enabled: &yes}, spec.Unit{Enabled: &yes}, spec.Unit{Enabled: &yes, Masked: &yes}, false},
	} {
		t.Run(name, func(t *testing.T) {
			id := spec.ID{Kind: spec.KindUnit, Name: "fstrim.timer"}
			want := &spec.Host{Units: map[string]spec.Unit{id.Name: c.want}, Origins: map[spec.ID]spec.Origin{id: {File: "hosts/web1.hcl", Line: 3}}}
			prev := &spec.Host{Units: map[string]spec.Unit{id.Name: c.prev}}
			st := &spec.State{Units: map[string]spec.Unit{id.Name: c.have}}
			p, err := Make(Input{Want: want, Prev: prev, State: st})
			if err != nil {
				t.Fatal(err)
			}
			err = Refuse(p, want, prev, st)
			if c.refused != (err != nil) || err != nil && !strings.Contains(err.Error(), "cannot enable fstrim.timer (hosts/web1.hcl:3): it is masked on this machine") {
				t.Errorf("got %v", err)
			}
		})
	}
}
