package plan

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

func ptr[T any](v T) *T { return &v }

func locked(name, version string) spec.Locked {
	return spec.Locked{Name: name, Version: version, Arch: "amd64"}
}

func installed(version string) spec.Installed { return spec.Installed{Version: version, Arch: "amd64"} }

func asked(names ...string) map[string]spec.Package {
	out := map[string]spec.Package{}
	for _, n := range names {
		out[n] = spec.Package{}
	}
	return out
}

// make runs Make and shows each change in one line.
func lines(t *testing.T, in Input) (changes []string, p *spec.Plan) {
	t.Helper()
	in.Compare = func(a, b string) int { return cmp.Compare(a, b) }
	if in.Want.System == "" {
		in.Want.System = "amd64"
	}
	p, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Changes {
		line := fmt.Sprintf("%s %s %s", c.Action, c.ID.Kind, c.ID.Name)
		for _, f := range c.Fields {
			line += fmt.Sprintf(" %s:%q->%q", f.Name, f.Before, f.After)
		}
		changes = append(changes, line)
	}
	return changes, p
}

// What converts its data says so when its upstream version changes, either
// way, and not when only Debian's revision does.
func TestDataThatMigrates(t *testing.T) {
	_, p := lines(t, Input{
		Want: &spec.Host{Packages: asked("up", "down", "revised", "empty")},
		Lock: []spec.Locked{locked("up", "1:2.0-1"), locked("down", "1.0-1"), locked("revised", "1.0-2"), locked("empty", "2.0-1")},
		State: &spec.State{
			Installed: map[string]spec.Installed{"up": installed("1:1.0-1"), "down": installed("2.0-1"), "revised": installed("1.0-1"), "empty": installed("1.0-1")},
			Data:      map[string]string{"up": "/var/lib/up", "down": "/var/lib/down", "revised": "/var/lib/revised"},
		},
	})
	var got []string
	for _, c := range p.Converts() {
		got = append(got, c.ID.Name+" "+c.Data)
	}
	if want := []string{"down /var/lib/down", "up /var/lib/up"}; !slices.Equal(got, want) {
		t.Errorf("data may migrate: %q, not %q", got, want)
	}
}

func TestMake(t *testing.T) {
	motd := spec.File{Type: spec.Regular, Content: "new\n", Mode: "0644", Owner: "root", Group: "root"}
	live := motd.Live("/etc/motd")
	unit := "[Service]\n"
	on, off := ptr(true), ptr(false)
	for name, c := range map[string]struct {
		in   Input
		want []string
	}{
		"nothing": {Input{Want: &spec.Host{}, State: &spec.State{}}, nil},
		"packages": {
			Input{
				Want:  &spec.Host{Packages: asked("a", "b", "c", "d")},
				Lock:  []spec.Locked{locked("a", "1"), locked("b", "2"), locked("c", "1"), locked("d", "1")},
				State: &spec.State{Installed: map[string]spec.Installed{"b": installed("1"), "c": installed("2"), "d": installed("1")}},
			},
			[]string{`create package a version:""->"1"`, `upgrade package b version:"1"->"2"`, `downgrade package c version:"2"->"1"`},
		},
		"foreign architecture": {
			Input{
				Want:  &spec.Host{},
				Lock:  []spec.Locked{{Name: "libc6", Version: "1", Arch: "i386"}, {Name: "doc", Version: "1", Arch: "all"}},
				State: &spec.State{Installed: map[string]spec.Installed{"libc6:i386": installed("1"), "doc": installed("1")}},
			}, nil,
		},
		"additive removes what it brought": {
			Input{
				Want:     &spec.Host{},
				PrevLock: []spec.Locked{locked("ours", "1"), locked("adopted", "1"), locked("essential", "1")},
				Adopted:  map[string]bool{"adopted": true, "host": true},
				State: &spec.State{
					Installed: map[string]spec.Installed{"ours": installed("1"), "adopted": installed("1"), "host": installed("1"), "stranger": installed("1"), "essential": installed("1")},
					Protected: map[string]bool{"essential": true},
				},
			},
			[]string{`delete package ours version:"1"->""`},
		},
		"strict removes the rest": {
			Input{
				Want:    &spec.Host{Settings: spec.Settings{PackageMode: "strict"}},
				Adopted: map[string]bool{"host": true},
				State: &spec.State{
					Installed: map[string]spec.Installed{"host": installed("1"), "kernel": installed("1")},
					Protected: map[string]bool{"kernel": true},
				},
			},
			[]string{`delete package host version:"1"->""`},
		},
		"the kernel that runs stays": {
			Input{
				Want:     &spec.Host{},
				PrevLock: []spec.Locked{locked("linux-image-1", "1"), locked("linux-image-2", "1")},
				State: &spec.State{
					Installed: map[string]spec.Installed{"linux-image-1": installed("1"), "linux-image-2": installed("1")},
					Protected: map[string]bool{"linux-image-1": true}, Kernel: "linux-image-1",
				},
			},
			[]string{`delete package linux-image-2 version:"1"->""`},
		},
		"and goes when another one runs": {
			Input{
				Want: &spec.Host{}, PrevKept: []string{"linux-image-1"},
				State: &spec.State{Installed: map[string]spec.Installed{"linux-image-1": installed("1"), "linux-image-3": installed("1")}, Kernel: "linux-image-3"},
			},
			[]string{`delete package linux-image-1 version:"1"->""`},
		},
		"absent": {
			Input{
				Want:    &spec.Host{Packages: map[string]spec.Package{"exim4": {Absent: true}, "nowhere": {Absent: true}}},
				Adopted: map[string]bool{"exim4": true},
				State:   &spec.State{Installed: map[string]spec.Installed{"exim4": installed("4")}},
			},
			[]string{`delete package exim4 version:"4"->""`},
		},
		"file is as wanted": {
			Input{Want: &spec.Host{Files: map[string]spec.File{"/etc/motd": motd}}, State: &spec.State{Files: map[string]spec.File{"/etc/motd": live}}}, nil,
		},
		"file drifted": {
			Input{
				Want: &spec.Host{Files: map[string]spec.File{"/etc/motd": motd}},
				State: &spec.State{Files: map[string]spec.File{"/etc/motd": {
					Type: spec.Regular, Content: "old\n", Digest: spec.Sum([]byte("old\n")), Mode: "0600", Owner: "root", Group: "adm"}}},
			},
			[]string{`update file /etc/motd content:"old\n"->"new\n" mode:"0600"->"0644" group:"adm"->"root"`},
		},
		"files of which only digests are known": {
			Input{
				Want: &spec.Host{Files: map[string]spec.File{
					"/etc/same":  {Type: spec.Regular, Digest: "d1", Mode: "0600"},
					"/etc/other": {Type: spec.Regular, Digest: "d1", Mode: "0600"},
					"/etc/text":  {Type: spec.Regular, Content: "x", Mode: "0600"},
					"/etc/empty": {Type: spec.Regular, Mode: "0600"},
				}},
				State: &spec.State{Files: map[string]spec.File{
					"/etc/same":  {Type: spec.Regular, Digest: "d1", Mode: "0600", Owner: "root", Group: "root"},
					"/etc/other": {Type: spec.Regular, Digest: "d2", Mode: "0600", Owner: "root", Group: "root"},
					"/etc/text":  {Type: spec.Regular, Digest: "d2", Mode: "0600", Owner: "root", Group: "root"},
					"/etc/empty": {Type: spec.Regular, Content: "x", Digest: spec.Sum([]byte("x")), Mode: "0600", Owner: "root", Group: "root"},
				}},
			},
			[]string{
				`update file /etc/empty content:"x"->""`,
				`update file /etc/other digest:"d2"->"d1"`,
				fmt.Sprintf(`update file /etc/text digest:"d2"->%q`, spec.Sum([]byte("x"))),
			},
		},
		"file became a link": {
			Input{
				Want:  &spec.Host{Files: map[string]spec.File{"/etc/motd": {Type: spec.Symlink, Target: "/run/motd"}}},
				State: &spec.State{Files: map[string]spec.File{"/etc/motd": live}},
			},
			[]string{`update file /etc/motd type:"file"->"symlink" content:"new\n"->"" target:""->"/run/motd" mode:"0644"->""`},
		},
		"file left the spec": {
			Input{
				Want: &spec.Host{}, Prev: &spec.Host{Files: map[string]spec.File{"/etc/motd": motd, "/etc/gone": motd, "/etc/conf": motd}},
				State: &spec.State{
					Files:   map[string]spec.File{"/etc/motd": {Type: spec.Directory, Mode: "0755", Owner: "root", Group: "root"}, "/etc/conf": live},
					Shipped: map[string]bool{"/etc/conf": true},
				},
			},
			[]string{`delete file /etc/motd type:"directory"->"" mode:"0755"->"" owner:"root"->"" group:"root"->""`},
		},
		"file of a package left the spec, on the way to a generation": {
			Input{
				Want: &spec.Host{}, Prev: &spec.Host{Files: map[string]spec.File{"/etc/conf": motd}}, Recorded: &Recorded{},
				State: &spec.State{Files: map[string]spec.File{"/etc/conf": live}, Shipped: map[string]bool{"/etc/conf": true}},
			},
			[]string{`update file /etc/conf content:"what the configuration says"->"what it was in that generation"`},
		},
		"template of a secret file": {
			Input{
				Want: &spec.Host{Files: map[string]spec.File{"/etc/wpa": {Type: spec.Regular, Content: "b{{secret:x}}", Mode: "0600", Secrets: []string{"x"}}}},
				Prev: &spec.Host{Files: map[string]spec.File{"/etc/wpa": {Type: spec.Regular, Content: "a{{secret:x}}", Mode: "0600", Secrets: []string{"x"}}}},
				State: &spec.State{Files: map[string]spec.File{"/etc/wpa": {
					Type: spec.Symlink, Target: spec.RenderedPath("/etc/wpa"), Owner: "root", Group: "root"}}},
			},
			[]string{`update file /etc/wpa content:"a{{secret:x}}"->"b{{secret:x}}"`},
		},
		"accounts": {
			Input{
				Want: &spec.Host{
					Groups: map[string]spec.Group{"media": {GID: ptr(1500)}, "keeps": {GID: ptr(7)}},
					Users:  map[string]spec.User{"new": {Groups: []string{"b", "a", "b"}, PasswordSecret: "pw"}, "ann": {UID: ptr(5), Shell: "/bin/zsh", Groups: []string{"sudo"}}},
				},
				Prev: &spec.Host{
					Groups: map[string]spec.Group{"oldgroup": {}, "packaged": {}, "system": {System: true}},
					Users:  map[string]spec.User{"left": {}, "www-data": {}, "packaged": {}, "fixed": {UID: ptr(300)}, "root": {}, "absent": {}},
				},
				State: &spec.State{
					Groups: map[string]spec.Group{"keeps": {GID: ptr(8)}, "oldgroup": {GID: ptr(1001)}, "packaged": {GID: ptr(110)}, "system": {GID: ptr(111)}},
					Users: map[string]spec.User{
						"ann": {UID: ptr(1000), Group: "ann", Groups: []string{"sudo"}, Shell: "/bin/bash"}, "left": {UID: ptr(1001)},
						"www-data": {UID: ptr(33)}, "packaged": {UID: ptr(120)}, "fixed": {UID: ptr(300)}, "root": {UID: ptr(0)},
					},
				},
			},
			[]string{
				`create group media gid:""->"1500"`, `delete group oldgroup gid:"1001"->""`, `delete group system gid:"111"->""`,
				`update user ann shell:"/bin/bash"->"/bin/zsh"`, `delete user fixed uid:"300"->""`, `delete user left uid:"1001"->""`,
				`create user new password_secret:""->"pw" groups:""->"a b"`,
			},
		},
		"kernel": {
			Input{
				Want:  &spec.Host{Sysctls: map[string]string{"a": "1", "b": "2", "c": "3"}, KernelModules: []string{"x", "y"}},
				State: &spec.State{Sysctls: map[string]string{"b": "0", "c": "3", "d": "4"}, Modules: []string{"y", "z"}},
			},
			[]string{
				`create sysctl a value:""->"1"`, `update sysctl b value:"0"->"2"`, `delete sysctl d value:"4"->""`,
				`create kernel_module x`, `delete kernel_module z`,
			},
		},
		"units": {
			Input{
				Want: &spec.Host{Units: map[string]spec.Unit{
					"new.service":  {Content: unit, Enabled: on},
					"link.service": {Enabled: off}, "same.service": {Enabled: on, Masked: off},
					"drop.service":  {DropIns: map[string]string{"b.conf": "2"}},
					"hand.service":  {RestartTriggers: []string{"/etc/x"}},
					"stays.service": {RestartTriggers: []string{"/etc/x"}},
				}},
				Prev: &spec.Host{Units: map[string]spec.Unit{
					"drop.service": {DropIns: map[string]string{"a.conf": "1"}},
					"old.service":  {Content: unit, Enabled: on}, "mask.service": {Masked: on}, "link2.service": {Enabled: on},
				}},
				State: &spec.State{Units: map[string]spec.Unit{
					"new.service": {Enabled: off, Masked: off}, "link.service": {Enabled: on, Masked: off},
					"same.service":  {Enabled: on, Masked: off},
					"drop.service":  {DropIns: map[string]string{"a.conf": "1", "foreign.conf": "3"}, Enabled: on, Masked: off},
					"stays.service": {Enabled: on, Masked: off}, "hand.service": {Enabled: off, Masked: on},
					"old.service": {Content: unit, Enabled: on, Masked: off}, "mask.service": {Enabled: off, Masked: on},
					"link2.service": {Enabled: on, Masked: off},
				}},
			},
			[]string{
				`update unit drop.service drop_ins/a.conf:"1"->"" drop_ins/b.conf:""->"2"`,
				`update unit link.service enabled:"true"->"false"`,
				`delete unit mask.service masked:"true"->"false"`,
				`create unit new.service content:""->"[Service]\n" enabled:"false"->"true"`,
				`delete unit old.service content:"[Service]\n"->""`,
			},
		},
		"secrets": {
			Input{
				Want: &spec.Host{Secrets: map[string]spec.Secret{"a": {Key: "a", Mode: "0400"}, "b": {Key: "b", Mode: "0400", RestartUnits: []string{"x"}}}},
				Prev: &spec.Host{Secrets: map[string]spec.Secret{"c": {}}},
				State: &spec.State{Secrets: map[string]spec.Secret{
					"a": {Key: "a", Mode: "0440", Owner: "root", Group: "root"}, "b": {Key: "b", Mode: "0400"}, "c": {}}},
			},
			[]string{`update secret a mode:"0440"->"0400"`, `delete secret c`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, first := lines(t, c.in)
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("want\n%s\ngot\n%s", strings.Join(c.want, "\n"), strings.Join(got, "\n"))
			}
			for range 5 { // maps are walked in another order each time
				if _, again := lines(t, c.in); !reflect.DeepEqual(first, again) {
					t.Fatalf("the same input gave %+v and %+v", first, again)
				}
			}
		})
	}
}

func TestExtrasAndWarnings(t *testing.T) {
	_, p := lines(t, Input{
		Want: &spec.Host{
			Name:    "web1",
			Users:   map[string]spec.User{"ann": {UID: ptr(5)}, "bare": {}, "keyed": {}, "etc": {}, "svc": {System: true}, "none": {Shell: "/usr/sbin/nologin"}},
			Groups:  map[string]spec.Group{"g": {GID: ptr(5)}},
			Files:   map[string]spec.File{"/home/keyed/.ssh/authorized_keys": {Type: spec.Regular, Mode: "0600"}, "/etc/ssh/authorized_keys.d/etc": {Type: spec.Regular, Mode: "0644"}},
			Origins: map[spec.ID]spec.Origin{{Kind: spec.KindUser, Name: "bare"}: {File: "hosts/web1.hcl", Line: 3}},
		},
		Prev:       &spec.Host{Users: map[string]spec.User{"www-data": {}}, Files: map[string]spec.File{"/etc/conf": {}}},
		Generation: 7,
		SpecDigest: "s", LockDigest: "l",
		State: &spec.State{
			Installed: map[string]spec.Installed{"zsh": {}, "adopted": {}, "bash": {}},
			Users:     map[string]spec.User{"ann": {UID: ptr(1000)}, "www-data": {UID: ptr(33)}},
			Groups:    map[string]spec.Group{"g": {GID: ptr(6)}},
			Files:     map[string]spec.File{"/etc/conf": {}},
			Shipped:   map[string]bool{"/etc/conf": true},
		},
		Adopted: map[string]bool{"adopted": true},
	})
	if got := strings.Join(p.Extras, " "); got != "bash zsh" {
		t.Errorf("extras are %q", got)
	}
	want := []string{
		`file "/etc/conf" stays`,
		`group "g" keeps gid 6`,
		`user "ann" keeps uid 1000`,
		`user "bare" is made without a password and without an SSH key: nobody can log in as it (hosts/web1.hcl:3)`,
		`user "www-data" stays`,
	}
	if len(p.Warnings) != len(want) {
		t.Fatalf("warnings are %q", p.Warnings)
	}
	for i, w := range p.Warnings {
		if !strings.HasPrefix(w, want[i]) {
			t.Errorf("warning %q, want %q", w, want[i])
		}
	}
	if p.Version != Version || p.Generation != 7 || p.Host != "web1" || p.LockDigest != "l" || p.SpecDigest != "s" {
		t.Errorf("the head is %+v", p)
	}
}

func TestOrigins(t *testing.T) {
	from := func(file string) map[spec.ID]spec.Origin {
		return map[spec.ID]spec.Origin{
			{Kind: spec.KindPackage, Name: "a"}: {File: file, Line: 1}, {Kind: spec.KindSysctl, Name: "s"}: {File: file, Line: 2}}
	}
	_, p := lines(t, Input{
		Want:  &spec.Host{Packages: asked("a"), Origins: from("new")},
		Prev:  &spec.Host{Sysctls: map[string]string{"s": "1"}, Origins: from("old")},
		Lock:  []spec.Locked{locked("a", "1"), locked("liba", "1")},
		State: &spec.State{Sysctls: map[string]string{"s": "1"}},
	})
	var got []string
	for _, c := range p.Changes {
		got = append(got, c.ID.Name+" "+c.Origin.String())
	}
	if want := "a new:1|liba |s old:2"; strings.Join(got, "|") != want {
		t.Errorf("origins are %q, want %q", strings.Join(got, "|"), want)
	}
}

func TestContradictions(t *testing.T) {
	_, err := Make(Input{
		Want: &spec.Host{Packages: map[string]spec.Package{"unlocked": {}, "unwanted": {Absent: true}, "dpkg": {Absent: true}}, System: "amd64"},
		Lock: []spec.Locked{locked("unwanted", "1")},
		State: &spec.State{Installed: map[string]spec.Installed{"dpkg": installed("1"), "unwanted": installed("1")},
			Protected: map[string]bool{"dpkg": true}},
		Compare: func(a, b string) int { return cmp.Compare(a, b) },
	})
	if err == nil {
		t.Fatal("contradictions went unnoticed")
	}
	for _, want := range []string{`"unlocked"`, "hostctl update", `"unwanted"`, `"dpkg"`, "essential"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

// TestStateOf: a host is no step away from itself.
func TestStateOf(t *testing.T) {
	host := &spec.Host{
		System:   "amd64",
		Packages: asked("a"),
		Users:    map[string]spec.User{"ann": {UID: ptr(1000), Shell: "/bin/sh", Groups: []string{"sudo"}}},
		Groups:   map[string]spec.Group{"g": {GID: ptr(5)}},
		Files: map[string]spec.File{
			"/a": {Type: spec.Regular, Content: "x", Mode: "0644"},
			"/b": {Type: spec.Regular, Content: "{{secret:s}}", Mode: "0600", Secrets: []string{"s"}},
			"/c": {Type: spec.Directory, Mode: "0755"},
			"/d": {Type: spec.Symlink, Target: "/a"},
		},
		Secrets:       map[string]spec.Secret{"s": {Key: "s", Mode: "0400"}},
		Sysctls:       map[string]string{"a": "1"},
		KernelModules: []string{"x"},
		Units:         map[string]spec.Unit{"u.service": {Content: "[Unit]", Enabled: ptr(true)}, "v.service": {Masked: ptr(true)}},
	}
	lock := []spec.Locked{locked("a", "1"), {Name: "b", Version: "1", Arch: "i386"}}
	if got, _ := lines(t, Input{Want: host, Prev: host, Lock: lock, PrevLock: lock, State: StateOf(host, lock)}); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// Settings are in the record of a generation, where hostctl's boot units read
// them: another one is made when they change.
func TestSettings(t *testing.T) {
	was := &spec.Host{Settings: spec.Settings{Hostctl: "/usr/bin/hostctl", AgeKeyFile: "/etc/old.key", HealthWait: 30}}
	is := &spec.Host{Settings: spec.Settings{Hostctl: "/usr/bin/hostctl", AgeKeyFile: "/etc/new.key", HealthWait: 30, HealthUnits: []string{"a.service"}}}
	changes, _ := lines(t, Input{Want: is, Prev: was, State: &spec.State{}})
	if want := []string{`update settings hostctl age_key_file:"/etc/old.key"->"/etc/new.key" health_units:""->"a.service"`}; !reflect.DeepEqual(changes, want) {
		t.Errorf("the plan is %q", changes)
	}
	for _, prev := range []*spec.Host{is, nil, {}} {
		if changes, _ := lines(t, Input{Want: is, Prev: prev, State: &spec.State{}}); len(changes) > 0 {
			t.Errorf("from %+v the plan is %q", prev, changes)
		}
	}
}

// TestAbsentAccounts: what Debian itself needs is removed for nobody, and what was
// here before the spec named it goes by absent = true alone.
func TestAbsentAccounts(t *testing.T) {
	state := &spec.State{
		Users:  map[string]spec.User{"alice": {UID: ptr(1000), Group: "alice"}, "www-data": {UID: ptr(33)}, "postgres": {UID: ptr(110), Group: "postgres"}},
		Groups: map[string]spec.Group{"old": {GID: ptr(1001)}, "sudo": {GID: ptr(27)}},
	}
	gone := spec.User{Absent: true}
	got, _ := lines(t, Input{State: state, Want: &spec.Host{
		Users: map[string]spec.User{"alice": gone, "postgres": gone, "never": gone}, Groups: map[string]spec.Group{"old": {Absent: true}}}})
	want := []string{`delete group old gid:"1001"->""`, `delete user alice uid:"1000"->"" group:"alice"->""`, `delete user postgres uid:"110"->"" group:"postgres"->""`}
	if !slices.Equal(got, want) {
		t.Errorf("the plan is %q", got)
	}
	_, err := Make(Input{State: state, Want: &spec.Host{Users: map[string]spec.User{"www-data": gone}, Groups: map[string]spec.Group{"sudo": {Absent: true}}}})
	if err == nil || !strings.Contains(err.Error(), `cannot remove user "www-data"`) || !strings.Contains(err.Error(), `cannot remove group "sudo"`) {
		t.Errorf("the error is %v", err)
	}
	prev := &spec.Host{Users: map[string]spec.User{"alice": {}}, Groups: map[string]spec.Group{"old": {}}}
	got, p := lines(t, Input{State: state, Want: &spec.Host{KernelModules: []string{"x"}}, Prev: prev, Found: spec.FoundAll(prev)})
	if len(got) != 1 || len(p.Warnings) != 2 || !strings.Contains(p.Warnings[1], `user "alice" stays, though the spec no longer has it: it was here before the spec named it; absent = true removes it`) {
		t.Errorf("what was here before is deleted: %q, %q", got, p.Warnings)
	}
	if _, p = lines(t, Input{State: state, Want: &spec.Host{}, Prev: prev, Found: spec.FoundAll(prev)}); len(p.Changes) > 0 || len(p.Warnings) != 2 {
		t.Errorf("a plan with nothing to do does not say why what is no longer declared stays: %q", p.Warnings)
	}
	// Whoever comes after the spec has let go of a name that was to be absent is
	// somebody else's.
	prev = &spec.Host{Users: map[string]spec.User{"alice": gone}, Groups: map[string]spec.Group{"old": {Absent: true}}}
	if got, _ = lines(t, Input{State: state, Want: &spec.Host{}, Prev: prev}); len(got) > 0 {
		t.Errorf("what somebody made since is deleted: %q", got)
	}
	back := spec.Found{}.NextUsers(map[string]spec.User{"alice": {}}, prev.Users, state.Users)
	if _, found := back["alice"]; !found {
		t.Error("an account that somebody made since counts as the spec's own")
	}
}

// TestFoundSysctls: a parameter that the spec no longer sets has its former value
// again, unless somebody else has set it since.
func TestFoundSysctls(t *testing.T) {
	set := map[string]string{"vm.swappiness": "10"}
	found := spec.Found{Sysctls: spec.Found{}.NextSysctls(set, nil, map[string]string{"vm.swappiness": "60"})}
	for live, want := range map[string]string{
		"10": `delete sysctl vm.swappiness value:"10"->"" live value:"10"->"60"`,
		"1":  `delete sysctl vm.swappiness value:"10"->""`,
	} {
		got, _ := lines(t, Input{Want: &spec.Host{}, Prev: &spec.Host{Sysctls: set}, Found: found,
			State: &spec.State{Sysctls: set, LiveSysctls: map[string]string{"vm.swappiness": live}}})
		if !slices.Equal(got, []string{want}) {
			t.Errorf("with %s the plan is %q", live, got)
		}
	}
	again := found.NextSysctls(map[string]string{"vm.swappiness": "20"}, set, map[string]string{"vm.swappiness": "10"})
	if again["vm.swappiness"] != "60" {
		t.Errorf("another value is set, and the one that was found is %q", again["vm.swappiness"])
	}
	pattern := map[string]string{"net.ipv4.conf.*.rp_filter": "1"}
	if noted := (spec.Found{}).NextSysctls(pattern, nil, map[string]string{"net.ipv4.conf.*.rp_filter": "0, 2"}); len(noted) > 0 {
		t.Errorf("of many parameters one value is noted: %v", noted)
	}
}

// TestAnotherRelease: a plan that leads from one release of Debian to another says
// so; an update of one release does not.
func TestAnotherRelease(t *testing.T) {
	for _, c := range []struct{ have, want, from, to string }{
		{"12.4+deb12u11", "13.8+deb13u2", "12", "13"}, {"13.8", "12.4+deb12u11", "13", "12"},
		{"13.8", "13.8+deb13u2", "", ""}, {"12", "12.4", "", ""},
	} {
		_, p := lines(t, Input{
			Want: &spec.Host{}, Lock: []spec.Locked{locked("base-files", c.want)},
			State: &spec.State{Installed: map[string]spec.Installed{"base-files": installed(c.have)}},
		})
		got := spec.Release{}
		if p.Release != nil {
			got = *p.Release
		}
		if got != (spec.Release{From: c.from, To: c.to}) {
			t.Errorf("%s -> %s: %+v", c.have, c.want, got)
		}
	}
}
