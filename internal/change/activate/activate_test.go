package activate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

func change(kind spec.Kind, name string, action spec.Action, fields ...spec.Field) spec.Change {
	return spec.Change{ID: spec.ID{Kind: kind, Name: name}, Action: action, Fields: fields}
}

func field(name, before, after string) spec.Field {
	return spec.Field{Name: name, Before: before, After: after}
}

func truth(b bool) *bool { return &b }

// Units as systemd shows them.
var (
	running = systemd.Unit{Load: "loaded", Active: "active", Sub: "running", Type: "simple", FileState: "enabled", CanStart: true}
	stopped = systemd.Unit{Load: "loaded", Active: "inactive", Sub: "dead", Type: "simple", FileState: "enabled", CanStart: true}
)

func with(u systemd.Unit, change func(*systemd.Unit)) systemd.Unit {
	change(&u)
	return u
}

func reloads(u *systemd.Unit)  { u.CanReload = true }
func oneshot(u *systemd.Unit)  { u.Type = "oneshot" }
func disabled(u *systemd.Unit) { u.FileState = "disabled" }
func failed(u *systemd.Unit)   { u.Active = "failed" }

// told is a decision in the order in which it is carried out, one word per unit.
func told(d decision) string {
	var out []string
	for _, step := range []struct {
		verb  string
		units []string
	}{{"forget", d.forget}, {"stop", d.stop}, {"reload", d.reload}, {"restart", d.restart}, {"start", d.start}, {"reboot", d.reboot}} {
		for _, u := range step.units {
			out = append(out, step.verb+" "+u)
		}
	}
	if len(d.notes) > 0 {
		out = append(out, "note")
	}
	return strings.Join(out, ", ")
}

func TestDecide(t *testing.T) {
	yes, no := truth(true), truth(false)
	conf := change(spec.KindFile, "/etc/a.conf", spec.Update)
	content := change(spec.KindUnit, "a.service", spec.Update, field("content", "x", "y"))
	enabled := change(spec.KindUnit, "a.service", spec.Update, field("enabled", "false", "true"))
	onConf := []string{"/etc/a.conf"}
	for name, c := range map[string]struct {
		changes  []spec.Change
		a        systemd.Unit // a.service now
		want     spec.Unit
		prev     map[string]spec.Unit
		others   map[string]systemd.Unit
		record   []spec.ServiceRequest
		replaced []string
		healthy  []string
		stale    []string
		secrets  *secret.Installed
		booted   bool
		expect   string
	}{
		"started from what changed":            {changes: []spec.Change{content, conf}, a: running, want: spec.Unit{Enabled: yes, RestartTriggers: onConf}, record: []spec.ServiceRequest{{Unit: "a", Action: "restart"}}, booted: true},
		"started, and a secret came":           {changes: []spec.Change{content}, a: running, secrets: &secret.Installed{Secrets: []string{"s"}}, booted: true, expect: "restart a.service"},
		"did not start with the boot":          {changes: []spec.Change{content}, a: stopped, want: spec.Unit{Enabled: yes}, booted: true, expect: "start a.service"},
		"nothing about it":                     {changes: []spec.Change{conf}, a: running, want: spec.Unit{Enabled: yes}},
		"down and enabled":                     {a: stopped, want: spec.Unit{Enabled: yes}, expect: "start a.service"},
		"down and not said":                    {a: stopped},
		"failed and enabled":                   {a: with(stopped, failed), want: spec.Unit{Enabled: yes}, expect: "start a.service"},
		"down and must not be":                 {changes: []spec.Change{content}, a: stopped, want: spec.Unit{Enabled: no}},
		"may not be started by hand":           {a: with(stopped, func(u *systemd.Unit) { u.CanStart = false }), want: spec.Unit{Enabled: yes}},
		"may not be stopped by hand":           {changes: []spec.Change{content}, a: with(running, func(u *systemd.Unit) { u.CannotStop = true }), expect: "reboot a.service"},
		"may not be restarted, but reloaded":   {changes: []spec.Change{content}, a: with(with(running, reloads), func(u *systemd.Unit) { u.CannotStop = true }), want: spec.Unit{ReloadIfChanged: true}, expect: "reload a.service"},
		"has run, and may not be stopped":      {changes: []spec.Change{content}, a: with(with(running, oneshot), func(u *systemd.Unit) { u.RemainAfterExit, u.CannotStop = true, true }), expect: "reboot a.service"},
		"down because its condition fails":     {a: with(stopped, func(u *systemd.Unit) { u.ConditionFailed = true }), want: spec.Unit{Enabled: yes}},
		"its condition failed, and it changed": {changes: []spec.Change{content}, a: with(stopped, func(u *systemd.Unit) { u.ConditionFailed = true }), want: spec.Unit{Enabled: yes}, expect: "start a.service"},
		"was running, was stopped, enabled":    {a: stopped, healthy: []string{"a.service"}, expect: "start a.service"},
		"was running, was stopped, disabled":   {a: with(stopped, disabled), healthy: []string{"a.service"}},
		"definition changed":                   {changes: []spec.Change{content}, a: running, expect: "restart a.service"},
		"drop-in changed":                      {changes: []spec.Change{change(spec.KindUnit, "a.service", spec.Update, field("drop_ins/x.conf", "", "y"))}, a: running, expect: "restart a.service"},
		"only links changed":                   {changes: []spec.Change{enabled}, a: running, want: spec.Unit{Enabled: yes}},
		"definition changed while down":        {changes: []spec.Change{content}, a: with(stopped, disabled)},
		"reload instead":                       {changes: []spec.Change{content}, a: with(running, reloads), want: spec.Unit{ReloadIfChanged: true}, expect: "reload a.service"},
		"reload instead, but it cannot":        {changes: []spec.Change{content}, a: running, want: spec.Unit{ReloadIfChanged: true}, expect: "restart a.service"},
		"neither":                              {changes: []spec.Change{content}, a: running, want: spec.Unit{RestartIfChanged: no}, expect: "note"},
		"restart trigger, file":                {changes: []spec.Change{conf}, a: running, want: spec.Unit{RestartTriggers: onConf}, expect: "restart a.service"},
		"restart trigger, package":             {changes: []spec.Change{change(spec.KindPackage, "p", spec.Upgrade)}, a: running, want: spec.Unit{RestartTriggers: []string{"p"}}, expect: "restart a.service"},
		"restart trigger, unit":                {changes: []spec.Change{change(spec.KindUnit, "b.service", spec.Update, field("content", "", "x"))}, a: running, want: spec.Unit{RestartTriggers: []string{"b.service"}}, expect: "restart a.service"},
		"restart trigger, unit only enabled":   {changes: []spec.Change{change(spec.KindUnit, "b.service", spec.Update, field("enabled", "", "true"))}, a: running, want: spec.Unit{RestartTriggers: []string{"b.service"}}},
		"restart trigger, rendered file":       {secrets: &secret.Installed{Files: onConf}, a: running, want: spec.Unit{RestartTriggers: onConf}, expect: "restart a.service"},
		"reload trigger":                       {changes: []spec.Change{conf}, a: with(running, reloads), want: spec.Unit{ReloadTriggers: onConf}, expect: "reload a.service"},
		"reload trigger, but it cannot":        {changes: []spec.Change{conf}, a: running, want: spec.Unit{ReloadTriggers: onConf}, expect: "restart a.service"},
		"reload and restart triggers":          {changes: []spec.Change{conf}, a: with(running, reloads), want: spec.Unit{ReloadTriggers: onConf, RestartTriggers: onConf}, expect: "restart a.service"},
		"reload trigger that goes with its file": {changes: []spec.Change{change(spec.KindFile, "/etc/a.conf", spec.Delete)}, a: with(running, reloads),
			prev: map[string]spec.Unit{"a.service": {ReloadTriggers: onConf}}, expect: "reload a.service"},
		"restart trigger that goes with its file": {changes: []spec.Change{change(spec.KindFile, "/etc/a.conf", spec.Delete)}, a: with(running, reloads),
			prev: map[string]spec.Unit{"a.service": {RestartTriggers: onConf}}, expect: "restart a.service"},
		"restart trigger that goes, to reload": {changes: []spec.Change{conf}, a: with(running, reloads),
			prev: map[string]spec.Unit{"a.service": {RestartTriggers: onConf, ReloadIfChanged: true}}, expect: "reload a.service"},
		"restart trigger that goes, to do neither": {changes: []spec.Change{conf}, a: running,
			prev: map[string]spec.Unit{"a.service": {RestartTriggers: onConf, RestartIfChanged: no}}},
		"trigger that reloads from now on": {changes: []spec.Change{conf}, a: with(running, reloads), want: spec.Unit{ReloadTriggers: onConf},
			prev: map[string]spec.Unit{"a.service": {RestartTriggers: onConf}}, expect: "reload a.service"},
		"trigger that goes, and the file stays":     {a: running, prev: map[string]spec.Unit{"a.service": {RestartTriggers: onConf}}},
		"trigger that goes, of a unit that is down": {changes: []spec.Change{conf}, a: with(stopped, disabled), prev: map[string]spec.Unit{"a.service": {RestartTriggers: onConf}}},
		"trigger that goes, of a service by an alias": {changes: []spec.Change{conf}, a: with(running, func(u *systemd.Unit) { u.ID = "b.service"; u.CanReload = true }), healthy: []string{"b.service"},
			prev: map[string]spec.Unit{"0.service": {ReloadTriggers: onConf}}, others: map[string]systemd.Unit{"b.service": with(running, reloads), "0.service": with(running, func(u *systemd.Unit) { u.ID = "b.service"; u.CanReload = true })},
			expect: "reload a.service"},
		"secret changed":                         {secrets: &secret.Installed{Secrets: []string{"s"}}, a: running, expect: "restart a.service"},
		"package asks for restart":               {record: []spec.ServiceRequest{{Unit: "a", Action: "restart"}}, a: running, expect: "restart a.service"},
		"package asks for restart, down":         {record: []spec.ServiceRequest{{Unit: "a.service", Action: "restart"}}, a: stopped, expect: "start a.service"},
		"package asks for try-restart, down":     {record: []spec.ServiceRequest{{Unit: "a", Action: "try-restart"}}, a: stopped},
		"package asks for reload":                {record: []spec.ServiceRequest{{Unit: "a.service", Action: "reload"}}, a: with(running, reloads), expect: "reload a.service"},
		"package asks for start":                 {record: []spec.ServiceRequest{{Unit: "a.service", Action: "start"}}, a: stopped, expect: "start a.service"},
		"package asks for start, spec says no":   {record: []spec.ServiceRequest{{Unit: "a.service", Action: "start"}}, a: stopped, want: spec.Unit{Enabled: no}},
		"package asks for start, disabled":       {record: []spec.ServiceRequest{{Unit: "a.service", Action: "start"}}, a: with(stopped, disabled)},
		"package asks for start, to be masked":   {record: []spec.ServiceRequest{{Unit: "a.service", Action: "start"}}, a: stopped, want: spec.Unit{Masked: yes}},
		"package asks for start, masked":         {record: []spec.ServiceRequest{{Unit: "a.service", Action: "start"}}, a: with(stopped, func(u *systemd.Unit) { u.Load = "masked" })},
		"its program was replaced":               {replaced: []string{"/usr/sbin/a"}, a: with(running, func(u *systemd.Unit) { u.Exec = []string{"/sbin/a"} }), expect: "restart a.service"},
		"its file was replaced":                  {replaced: []string{"/lib/systemd/system/a.service"}, a: with(running, func(u *systemd.Unit) { u.Sources = []string{"/usr/lib/systemd/system/a.service"} }), expect: "restart a.service"},
		"its shell was replaced, but is done":    {replaced: []string{"/usr/bin/sh"}, a: with(with(running, oneshot), func(u *systemd.Unit) { u.Exec = []string{"/bin/sh"}; u.RemainAfterExit = true })},
		"a file mounted over in it was replaced": {replaced: []string{"/etc/shadow"}, a: with(running, func(u *systemd.Unit) { u.Mounts = []string{"/etc/shadow"} }), expect: "restart a.service"},
		"runs replaced code":                     {stale: []string{"a.service"}, a: running, expect: "restart a.service"},
		"new oneshot":                            {changes: []spec.Change{enabled}, a: with(stopped, oneshot), want: spec.Unit{Enabled: yes}, expect: "start a.service"},
		"old oneshot":                            {a: with(stopped, oneshot), want: spec.Unit{Enabled: yes}},
		"oneshot with a trigger":                 {changes: []spec.Change{conf}, a: with(stopped, oneshot), want: spec.Unit{Enabled: yes, RestartTriggers: onConf}, expect: "start a.service"},
		"oneshot of a timer changed":             {changes: []spec.Change{content}, a: with(with(stopped, oneshot), disabled)},
		"oneshot that remains":                   {changes: []spec.Change{content}, a: with(with(running, oneshot), func(u *systemd.Unit) { u.RemainAfterExit = true }), expect: "restart a.service"},
		"runs on, and is removed":                {changes: []spec.Change{change(spec.KindUnit, "a.service", spec.Delete, field("content", "x", ""))}, a: with(running, func(u *systemd.Unit) { u.Load = "not-found" }), healthy: []string{"a.service"}, expect: "stop a.service"},
		"runs on, and its package is removed":    {stale: []string{"a.service"}, a: with(running, func(u *systemd.Unit) { u.Load = "not-found" }), healthy: []string{"a.service"}, expect: "reboot a.service"},
		"failed and removed":                     {a: systemd.Unit{Load: "not-found", Active: "failed"}, expect: "forget a.service"},
		"template changed": {changes: []spec.Change{change(spec.KindUnit, "t@.service", spec.Update, field("content", "x", "y"))}, a: stopped,
			others: map[string]systemd.Unit{"t@1.service": running}, expect: "restart t@1.service"},
		"bus, logins and own unit are spared": {a: stopped, stale: []string{"dbus.service", "user@0.service", "getty@tty1.service", "own.service"},
			others: map[string]systemd.Unit{"dbus.service": running, "user@0.service": running, "getty@tty1.service": running, "own.service": running},
			expect: "reboot dbus.service, reboot getty@tty1.service, reboot own.service, reboot user@0.service"},
		"socket of a running service": {changes: []spec.Change{change(spec.KindUnit, "a.socket", spec.Update, field("content", "x", "y")), content}, a: running, healthy: []string{"a.service"},
			others: map[string]systemd.Unit{"a.socket": with(running, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"a.service"} })},
			expect: "stop a.service, restart a.socket, start a.service"},
		"socket of a service that is to be reloaded": {changes: []spec.Change{change(spec.KindUnit, "a.socket", spec.Update, field("content", "x", "y")), content}, a: with(running, reloads), want: spec.Unit{ReloadIfChanged: true}, healthy: []string{"a.service"},
			others: map[string]systemd.Unit{"a.socket": with(running, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"a.service"} })},
			expect: "reload a.service, reboot a.socket"},
		"socket of a service at rest": {changes: []spec.Change{change(spec.KindUnit, "a.socket", spec.Update, field("content", "x", "y"))}, a: with(stopped, disabled),
			others: map[string]systemd.Unit{"a.socket": with(running, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"a.service"} })}, expect: "restart a.socket"},
		"new socket of a running service": {changes: []spec.Change{change(spec.KindUnit, "own.socket", spec.Create, field("content", "", "x"), field("enabled", "", "true"))}, a: running, healthy: []string{"a.service"},
			others: map[string]systemd.Unit{"own.socket": with(stopped, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"a.service"} })},
			expect: "stop a.service, start a.service, start own.socket"},
		"new socket of a service by another name": {changes: []spec.Change{change(spec.KindUnit, "own.socket", spec.Create, field("content", "", "x")), content}, a: with(running, func(u *systemd.Unit) { u.ID = "b.service" }), healthy: []string{"b.service"},
			others: map[string]systemd.Unit{"own.socket": with(stopped, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"b.service"} }), "b.service": running},
			expect: "stop b.service, start b.service, start own.socket"},
		"new socket of a service that was stopped for it": {changes: []spec.Change{change(spec.KindUnit, "a.service", spec.Update, field("enabled", "true", "false"))}, a: with(stopped, disabled), want: spec.Unit{Enabled: no}, healthy: []string{"a.service"},
			others: map[string]systemd.Unit{"own.socket": with(stopped, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"a.service"} })}, expect: "start own.socket"},
		"new socket of a service that nobody may stop": {a: with(running, func(u *systemd.Unit) { u.CannotStop = true }), healthy: []string{"a.service"},
			others: map[string]systemd.Unit{"own.socket": with(stopped, func(u *systemd.Unit) { u.Type, u.Triggers = "", []string{"a.service"} })}, expect: "reboot own.socket"},
		"only its targets changed": {changes: []spec.Change{change(spec.KindUnit, "a.service", spec.Update, field("links", "x", "y"))}, a: running, want: spec.Unit{Enabled: yes}},
		"mount changed": {changes: []spec.Change{change(spec.KindUnit, "srv.mount", spec.Update, field("content", "x", "y"))}, a: stopped,
			others: map[string]systemd.Unit{"srv.mount": with(running, reloads)}, expect: "reload srv.mount"},
		"target that the spec enables": {changes: []spec.Change{enabled}, a: with(stopped, disabled), want: spec.Unit{},
			others: map[string]systemd.Unit{"own.target": stopped, "other.target": stopped}, expect: "start own.target"},
		"spec and package use other names": {changes: []spec.Change{conf}, record: []spec.ServiceRequest{{Unit: "AA", Action: "reload"}},
			a: with(running, func(u *systemd.Unit) { u.ID = "AA.service"; u.CanReload = true }), want: spec.Unit{RestartTriggers: []string{"/etc/other"}},
			others: map[string]systemd.Unit{"AA.service": with(running, reloads)}, expect: "reload a.service"},
		"alias and name are one": {record: []spec.ServiceRequest{{Unit: "b.service", Action: "restart"}, {Unit: "a.service", Action: "restart"}}, a: with(running, func(u *systemd.Unit) { u.ID = "a.service" }),
			others: map[string]systemd.Unit{"b.service": with(running, func(u *systemd.Unit) { u.ID = "a.service" })}, expect: "restart a.service"},
	} {
		t.Run(name, func(t *testing.T) {
			units := map[string]systemd.Unit{"a.service": c.a}
			for n, u := range c.others {
				units[n] = u
			}
			for n, u := range units {
				if u.ID == "" {
					u.ID = n
					units[n] = u
				}
			}
			req := Request{Plan: &spec.Plan{Changes: c.changes}, Prev: &spec.Host{Units: c.prev}, Record: c.record, Replaced: c.replaced, Healthy: set(c.healthy), Booted: c.booted,
				Want: &spec.Host{Units: map[string]spec.Unit{"a.service": c.want, "own.target": {Enabled: yes}, "own.socket": {Enabled: yes}}, Secrets: map[string]spec.Secret{"s": {RestartUnits: []string{"a.service"}}}}}
			s := situation{Request: req, touched: look(req), secrets: c.secrets, stale: set(c.stale), own: "own.service", units: units}
			if got := told(s.decide()); got != c.expect {
				t.Errorf("decided %q, want %q", got, c.expect)
			}
		})
	}
}

func set(names []string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

func TestStopSet(t *testing.T) {
	req := Request{
		Record: []spec.ServiceRequest{{Unit: "db", Action: "stop"}, {Unit: "dbus", Action: "stop"}, {Unit: "web.service", Action: "restart"}},
		Plan: &spec.Plan{Changes: []spec.Change{
			change(spec.KindUnit, "gone.service", spec.Delete, field("content", "x", "")),
			change(spec.KindUnit, "off.timer", spec.Update, field("enabled", "true", "false")),
			change(spec.KindUnit, "masked.socket", spec.Update, field("masked", "false", "true")),
			change(spec.KindUnit, "changed.service", spec.Update, field("content", "x", "y"), field("enabled", "false", "true")),
			change(spec.KindUnit, "drop.service", spec.Delete, field("drop_ins/a.conf", "x", "")),
			change(spec.KindUnit, "asleep.service", spec.Delete, field("content", "x", "")),
			change(spec.KindUnit, "some.slice", spec.Delete, field("content", "x", "")),
		}},
	}
	req.Healthy = set([]string{"gone.service", "off.timer", "masked.socket", "changed.service", "drop.service", "db.service", "dbus.service", "web.service", "pkg.service", "some.slice", "own.service"})
	got := stopSet(req, []string{"pkg.service", "pkg.socket", "own.service"}, "own.service")
	want := []string{"db.service", "gone.service", "masked.socket", "off.timer", "pkg.service"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stops %v, want %v", got, want)
	}
}

func TestUnitsIn(t *testing.T) {
	list := "/.\n/lib/systemd/system\n/lib/systemd/system/a.service\n/usr/lib/systemd/system/a.timer\n/usr/lib/systemd/system/a.target\n" +
		"/usr/lib/systemd/system/multi-user.target.wants/b.service\n/usr/lib/systemd/user/c.service\n/etc/init.d\n/etc/init.d/old\n"
	if got, want := unitsIn(list), []string{"a.service", "a.timer", "old.service"}; !reflect.DeepEqual(got, want) {
		t.Errorf("units %v, want %v", got, want)
	}
}

func TestJudge(t *testing.T) {
	required, moved, before := watched{required: true}, watched{moved: true}, watched{before: true}
	state := func(active, sub string, change ...func(*systemd.Unit)) systemd.Unit {
		u := systemd.Unit{Load: "loaded", Active: active, Sub: sub, Type: "simple", Result: "success"}
		for _, c := range change {
			c(&u)
		}
		return u
	}
	crashed := func(u *systemd.Unit) { u.Result, u.Exit = "exit-code", "exited with status 3" }
	queued := func(u *systemd.Unit) { u.Job = true }
	for name, c := range map[string]struct {
		u    systemd.Unit
		w    watched
		want verdict
		says string
	}{
		"runs":                          {state("active", "running"), required, well, ""},
		"crashed":                       {state("failed", "failed", crashed), required, unwell, "exited with status 3 (exit-code)"},
		"crashed, was well before":      {state("failed", "failed", crashed), before, unwell, "failed"},
		"crashed long before":           {state("failed", "failed", crashed), watched{}, well, ""},
		"starts":                        {state("activating", "start"), required, pending, "is still activating (start)"},
		"waits to be restarted":         {state("activating", "auto-restart"), moved, pending, "auto-restart"},
		"one restart":                   {state("active", "running", func(u *systemd.Unit) { u.Restarts = 1 }), moved, well, ""},
		"restarts again and again":      {state("active", "running", func(u *systemd.Unit) { u.Restarts = 2 }), moved, unwell, "restart it 2 times"},
		"restarted often, long before":  {state("active", "running", func(u *systemd.Unit) { u.Restarts = 9 }), watched{before: true, restarts: 9}, well, ""},
		"ended at once":                 {state("inactive", "dead", func(u *systemd.Unit) { u.Exit = "exited with status 0" }), required, unwell, "is not running: it exited with status 0"},
		"its start is queued":           {state("inactive", "dead", queued), required, pending, ""},
		"is stopped by another":         {state("inactive", "dead"), before, well, ""},
		"oneshot that has run":          {state("inactive", "dead", oneshot), required, well, ""},
		"oneshot that failed":           {state("failed", "failed", oneshot, crashed), required, unwell, "status 3"},
		"its condition does not hold":   {state("inactive", "dead", func(u *systemd.Unit) { u.ConditionFailed = true }), required, well, ""},
		"timer waits":                   {state("active", "waiting"), required, well, ""},
		"not there":                     {systemd.Unit{Load: "not-found", Active: "inactive"}, required, unwell, "not-found"},
		"not there and not asked for":   {systemd.Unit{Load: "not-found", Active: "inactive"}, before, well, ""},
		"refused":                       {systemd.Unit{Load: "bad-setting", Active: "inactive"}, required, unwell, "bad-setting"},
		"reload went wrong":             {state("active", "running", func(u *systemd.Unit) { u.ReloadResult = "exit-code" }), watched{moved: true, reloaded: true}, unwell, "reload ended with exit-code"},
		"reload went wrong long before": {state("active", "running", func(u *systemd.Unit) { u.ReloadResult = "exit-code" }), required, well, ""},
		"reload not done":               {state("reloading", "reload", queued), watched{moved: true, reloaded: true}, pending, ""},
		"restarted":                     {state("active", "running", func(u *systemd.Unit) { u.Invocation = "2" }), watched{moved: true, runs: "1"}, well, ""},
		"its restart was lost":          {state("active", "running", func(u *systemd.Unit) { u.Invocation = "1" }), watched{moved: true, runs: "1"}, unwell, "was not restarted"},
		"its restart is queued":         {state("active", "running", queued, func(u *systemd.Unit) { u.Invocation = "1" }), watched{moved: true, runs: "1"}, pending, ""},
		"pulled in, and failed":         {state("failed", "failed", crashed, func(u *systemd.Unit) { u.Invocation = "2" }), watched{pulled: true, runs: "1"}, unwell, "status 3"},
		"pulled in by nobody":           {state("inactive", "dead"), watched{pulled: true}, well, ""},
		"pulled in, and queued":         {state("inactive", "dead", queued), watched{pulled: true}, pending, ""},
		"pulled in, and starts":         {state("activating", "start", oneshot), watched{pulled: true}, pending, ""},
		"pulled in, and runs":           {state("active", "running", func(u *systemd.Unit) { u.Invocation = "2" }), watched{pulled: true, runs: "1"}, well, ""},
		"killed":                        {state("failed", "failed", func(u *systemd.Unit) { u.Result, u.Exit = "signal", "was killed by signal 9" }), moved, unwell, "was killed by signal 9 (signal)"},
	} {
		if got, says := judge(c.u, c.w); got != c.want || !strings.Contains(says, c.says) {
			t.Errorf("%s: %d %q, want %d %q", name, got, says, c.want, c.says)
		}
	}
}

// What this change started is told where it has no place on the machine; what it
// left alone, or what runs, is not.
func TestUnmet(t *testing.T) {
	down := systemd.Unit{Load: "loaded", Active: "inactive", ConditionFailed: true}
	up := systemd.Unit{Load: "loaded", Active: "active", ConditionFailed: true} // of an earlier start
	units := map[string]systemd.Unit{"kvm.service": down, "earlier.service": down, "other.service": down, "up.service": up}
	watch := map[string]watched{
		"kvm.service": {required: true, moved: true}, "earlier.service": {required: true},
		"other.service": {moved: true}, "up.service": {required: true, moved: true},
	}
	if got := unmet(units, watch); !slices.Equal(got, []string{"kvm.service"}) {
		t.Errorf("told: %v", got)
	}
}

// What is called again after systemd gave no answer is what it had not taken up.
func TestUntouched(t *testing.T) {
	earlier := map[string]systemd.Unit{"a.service": {Active: "active", Invocation: "1"}, "b.service": {Active: "active", Invocation: "1"}, "c.service": {Active: "active", Invocation: "1"}, "d.service": {Active: "inactive"}}
	now := map[string]systemd.Unit{"a.service": {Active: "active", Invocation: "1"}, "b.service": {Active: "active", Invocation: "2"}, "c.service": {Active: "active", Invocation: "1", Job: true}, "d.service": {Active: "inactive"}}
	names := []string{"a.service", "b.service", "c.service", "d.service"}
	for verb, want := range map[string][]string{"restart": {"a.service", "d.service"}, "start": {"a.service", "d.service"}, "reload": {"a.service", "b.service", "d.service"}} {
		if got := untouched(names, verb, earlier, now); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", verb, got, want)
		}
	}
}

// A oneshot that has run, and a daemon that died at once, have been taken up.
func TestUntouchedThatRan(t *testing.T) {
	earlier := map[string]systemd.Unit{"once.service": {Active: "inactive", Invocation: "1"}, "dies.service": {Active: "inactive"}, "bad.service": {Load: "bad-setting"}}
	now := map[string]systemd.Unit{"once.service": {Active: "inactive", Invocation: "2"}, "dies.service": {Active: "failed", Invocation: "1"}, "bad.service": {Load: "bad-setting"}}
	if got := untouched([]string{"once.service", "dies.service", "bad.service"}, "start", earlier, now); !reflect.DeepEqual(got, []string{"bad.service"}) {
		t.Errorf("they are started again: %v", got)
	}
}

// With a template that goes, its instances do; what a script asks for the
// template of a package that stays is not for them.
func TestStopSetOfTemplates(t *testing.T) {
	req := Request{Plan: &spec.Plan{}, Healthy: map[string]bool{"tun@a.service": true, "tun.service": true, "db@main.service": true, "getty@tty1.service": true},
		Record: []spec.ServiceRequest{{Unit: "db@.service", Action: "stop"}}}
	got := stopSet(req, unitsIn("/usr/lib/systemd/system/tun.service\n/usr/lib/systemd/system/tun@.service\n/usr/lib/systemd/system/getty@.service\n"), "own.service")
	if !reflect.DeepEqual(got, []string{"tun.service", "tun@a.service"}) {
		t.Errorf("stopped: %v", got)
	}
}

func TestSettling(t *testing.T) {
	units := map[string]systemd.Unit{"a.service": {Type: "simple"}, "b.service": {Type: "notify"}, "c.service": {Type: "oneshot"}, "d.service": {Type: "notify-reload"}, "e.timer": {}}
	for _, c := range []struct {
		do   decision
		want time.Duration
	}{
		{decision{}, 0},
		{decision{start: []string{"c.service", "e.timer"}}, 0},
		{decision{restart: []string{"b.service"}, start: []string{"c.service"}}, readyTime},
		{decision{reload: []string{"d.service"}}, readyTime},
		{decision{reload: []string{"b.service"}}, settleTime},
		{decision{start: []string{"a.service", "b.service"}}, settleTime},
	} {
		if got := settling(c.do, units); got != c.want {
			t.Errorf("%+v: %s, want %s", c.do, got, c.want)
		}
	}
}

func TestExamineTellsOneshotsThatRun(t *testing.T) {
	units := map[string]systemd.Unit{
		"other.service": {Load: "loaded", Active: "activating", Sub: "start", Type: "oneshot"},
		"long.service":  {Load: "loaded", Active: "activating", Sub: "start", Type: "oneshot"},
		"stop.service":  {Load: "loaded", Active: "deactivating", Sub: "stop-sigterm", Type: "simple"},
		"start.service": {Load: "loaded", Active: "activating", Sub: "start", Type: "notify"},
	}
	watch := map[string]watched{"long.service": {moved: true}, "stop.service": {moved: true}, "start.service": {moved: true}, "other.service": {required: true}}
	sick, waiting, runs, stopping := examine(units, watch)
	if len(sick) != 0 || !slices.Equal(runs, []string{"long.service"}) || len(waiting) != 2 || waiting[0].Unit != "start.service" || waiting[1].Unit != "stop.service" || !stopping {
		t.Errorf("sick %v, waiting %v, running %v, stopping %v", sick, waiting, runs, stopping)
	}
}

func TestLook(t *testing.T) {
	for path, want := range map[string]touched{
		"/etc/motd":                                                  {},
		"/lib/systemd/system/a.service":                              {reload: true, units: map[string]bool{"a.service": true}},
		"/etc/fstab":                                                 {reload: true},
		"/usr/lib/tmpfiles.d/a.conf":                                 {tmpfiles: []string{"a.conf"}},
		"/usr/lib/tmpfiles.d/README":                                 {},
		"/lib/udev/rules.d/1.rules":                                  {udev: true},
		"/usr/share/dbus-1/system.d/a.conf":                          {dbus: true},
		"/etc/hostname":                                              {hostname: true},
		"/usr/lib/systemd/systemd":                                   {reexec: true},
		"/lib/x86_64-linux-gnu/libc.so.6":                            {reexec: true},
		"/usr/lib/x86_64-linux-gnu/libcurl.so.4":                     {},
		"/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so": {reexec: true},
	} {
		got := look(Request{Plan: &spec.Plan{}, Replaced: []string{path}})
		got.paths = nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s means %+v, want %+v", path, got, want)
		}
	}
	// A unit that is only written, by a plan without a commit of its path.
	if !look(Request{Plan: &spec.Plan{Changes: []spec.Change{change(spec.KindUnit, "a.service", spec.Create)}}}).reload {
		t.Error("a plan about units does not reload systemd")
	}
}

// Units that are no services are asked for only where this says so.
func TestDefines(t *testing.T) {
	for path, names := range map[string]string{
		"/usr/lib/systemd/system/a.socket":                  "a.socket",
		"/lib/systemd/system/a@.socket":                     "a@1.socket",
		"/etc/systemd/system/a.socket.d/x.conf":             "a.socket",
		"/usr/local/lib/systemd/system/socket.d/x.conf":     "a.socket b.socket a@1.socket a-b.socket a-b-c.socket b-c.socket",
		"/etc/systemd/system/a-.socket.d/x.conf":            "a-b.socket a-b-c.socket",
		"/etc/systemd/system/a-b-.socket.d/x.conf":          "a-b-c.socket",
		"/etc/systemd/system/sockets.target.wants/b.socket": "b.socket",
		"/opt/a/a.socket":                                   "a.socket", "/etc/init.d/a": "", "/etc/systemd/system/a-b-.timer.d/x.conf": "",
	} {
		seen := look(Request{Plan: &spec.Plan{}, Replaced: []string{path}})
		var got []string
		for _, name := range []string{"a.socket", "b.socket", "a@1.socket", "a-b.socket", "a-b-c.socket", "b-c.socket"} {
			if seen.defines(name) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != names {
			t.Errorf("%s defines %v, want %s", path, got, names)
		}
	}
}

// Units are up for as long as the last of those that were to come up.
func TestUp(t *testing.T) {
	at := func(d time.Duration) systemd.Unit { return systemd.Unit{Entered: d} }
	units := map[string]systemd.Unit{"a.service": at(time.Second), "b.service": at(5 * time.Second), "c.service": at(9 * time.Second), "never.service": {}}
	watch := map[string]watched{"a.service": {moved: true}, "b.service": {required: true}, "c.service": {before: true}, "never.service": {moved: true}}
	if got := up(units, watch, 10*time.Second); got != 5*time.Second {
		t.Errorf("up for %s", got)
	}
}

func TestMapsReplaced(t *testing.T) {
	gone := map[string]bool{"/usr/lib/x.so": true}
	for line, want := range map[string]bool{
		"7f-8f r-xp 00000000 fe:00 12 /usr/lib/x.so":                    false,
		"7f-8f r-xp 00000000 fe:00 12 /lib/x.so (deleted)":              true,
		"7f-8f r--p 00000000 fe:00 12 /usr/lib/x.so (deleted)":          false, // data, not code
		"7f-8f r-xp 00000000 fe:00 12 /usr/lib/other.so (deleted)":      false, // somebody else's doing
		"7f-8f r-xp 00000000 fe:00 12 /.hostctl/gen/3/000012":           true,
		"7f-8f r-xp 00000000 fe:00 12 /srv/.hostctl/gen/3/a b":          true,
		"7f-8f rwxp 00000000 00:00 0 ":                                  false,
		"7f-8f r-xp 00000000 00:00 0                            [vdso]": false,
	} {
		if got := mapsReplaced("0-1 r--p 0 0:0 0 /usr/bin/a\n"+line+"\n", gone, true); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
	if !mapsReplaced("7f-8f r-xp 00000000 fe:00 12 /lib/x.so\n", gone, false) {
		t.Error("before the commit a process maps what will be replaced under its own name")
	}
}

func TestDormant(t *testing.T) {
	units := map[string]systemd.Unit{
		"a.service": stopped, "b.service": running, "c.service": with(stopped, oneshot), "d.service": with(stopped, failed),
		"e.service": with(stopped, func(u *systemd.Unit) { u.ConditionFailed = true }), "f.service": with(stopped, func(u *systemd.Unit) { u.Load = "masked" }),
		"g.socket": with(stopped, func(u *systemd.Unit) { u.Type = "" }),
	}
	if got, want := dormant(units), []string{"a.service", "g.socket"}; !reflect.DeepEqual(got, want) {
		t.Errorf("dormant are %v, want %v", got, want)
	}
}
