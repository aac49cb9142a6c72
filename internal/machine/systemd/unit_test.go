package systemd

import (
	"reflect"
	"testing"
	"time"
)

func TestParseUnit(t *testing.T) {
	u := parseUnit("Type=notify\nInvocationID=9f\nNRestarts=3\nActiveEnterTimestampMonotonic=2500000\nExecMainCode=1\nExecMainStatus=7\nExecStart={ path=/nowhere/a ; argv[]=/nowhere/a -x ; ignore_errors=no }\n" +
		"ExecStart={ path=/nowhere/b ; argv[]=/nowhere/b }\nResult=exit-code\nId=a.service\nTriggers=b.service c.service\nTriggeredBy=a.timer\nLoadState=loaded\nActiveState=active\n" +
		"UnitFileState=enabled\nFragmentPath=/etc/systemd/system/a.service\nDropInPaths=/etc/x.conf /etc/y.conf\nCanStart=yes\nCanStop=no\nCanReload=no\nJob=0\n" +
		"ConditionResult=no\nConditionTimestampMonotonic=0\nInaccessiblePaths=-/etc/shadow /root\nBindReadOnlyPaths=/a:/b:rbind")
	want := Unit{ID: "a.service", Invocation: "9f", Load: "loaded", Active: "active", Type: "notify", FileState: "enabled", Result: "exit-code", Exit: "exited with status 7", Restarts: 3, Entered: 2500 * time.Millisecond,
		CanStart: true, CannotStop: true, Sources: []string{"/etc/systemd/system/a.service", "/etc/x.conf", "/etc/y.conf"}, Exec: []string{"/nowhere/a", "/nowhere/b"}, Triggers: []string{"b.service", "c.service"}, TriggeredBy: []string{"a.timer"},
		Mounts: []string{"/etc/shadow", "/root", "/a", "/b", "rbind"}}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("parsed %+v, want %+v", u, want)
	}
	if mount := parseUnit("Id=a.mount\nJob=12\nCanReload=yes"); !mount.Job || !mount.CanReload || mount.ConditionFailed {
		t.Errorf("parsed %+v", mount)
	}
}

func TestUnitOfCgroup(t *testing.T) {
	for _, c := range []struct {
		file, manager, want string
		own                 bool
	}{
		{"0::/system.slice/ssh.service\n", "", "ssh.service", false},
		{"0::/system.slice/system-getty.slice/getty@tty1.service\n", "", "getty@tty1.service", false},
		{"0::/system.slice/docker.service/inner/x.service\n", "", "docker.service", false},
		{"1:name=systemd:/x.service\n0::/system.slice/a.service", "", "a.service", false},
		{"0::/user.slice/user-0.slice/user@0.service/app.slice/b.service\n", "", "b.service", true},
		{"0::/user.slice/user-0.slice/user@0.service/init.scope\n", "", "", false},
		{"0::/user.slice/user-0.slice/session-1.scope\n", "", "", false},
		{"0::/box/system.slice/a.service\n", "/box", "a.service", false},
		{"0::/other/system.slice/a.service\n", "/box", "", false},
		{"0::/init.scope\n", "", "", false},
	} {
		if got, own := UnitOfCgroup(c.file, c.manager); got != c.want || got != "" && own != c.own {
			t.Errorf("%q below %q: %q of a user %v, want %q", c.file, c.manager, got, own, c.want)
		}
	}
}
