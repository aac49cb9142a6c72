package eval

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/internal/spec"
)

// decoder makes the spec from the resource options.
type decoder struct {
	e       *evaluator
	host    *spec.Host
	entries []*entry // decoded; their origins are found when all is evaluated
}

// decode evaluates every resource. It leaves out what fails; the diagnostics say
// why.
func (e *evaluator) decode() *spec.Host {
	d := &decoder{e: e, host: &spec.Host{
		Version: spec.Version, Name: e.host.Name, System: e.host.System,
		Packages: map[string]spec.Package{}, Groups: map[string]spec.Group{}, Users: map[string]spec.User{},
		Secrets: map[string]spec.Secret{}, Files: map[string]spec.File{}, Sysctls: map[string]string{},
		KernelModules: []string{}, Units: map[string]spec.Unit{},
		Origins: map[spec.ID]spec.Origin{}, Blobs: map[string]string{},
	}}
	d.settings()
	d.each(spec.KindPackage, d.pkg)
	d.each(spec.KindGroup, d.group)
	d.each(spec.KindSecret, d.secret)
	d.each(spec.KindUser, d.user)
	d.each(spec.KindFile, d.file)
	d.each(spec.KindUnit, d.unit)
	d.each(spec.KindDisk, d.disk)
	d.each(spec.KindZpool, d.zpool)
	d.each(spec.KindMount, d.mount)
	d.each(spec.KindSwap, d.swap)
	d.boot()
	d.kernel()
	d.checkDisks()
	d.checkPaths()
	d.checkNames()
	for _, x := range d.entries {
		last := len(x.path) - 1
		n, _ := e.root.Find(x.path[:last])
		d.host.Origins[spec.ID{Kind: spec.Kind(x.path[0]), Name: x.path[last]}] = e.entryOrigin(n, x.path[:last], x.path[last])
	}
	return d.host
}

// entry reads the options of one map entry.
type entry struct {
	e    *evaluator
	path option.Path
	bad  bool
}

func (d *decoder) each(kind spec.Kind, decode func(name string, x *entry)) {
	n := d.e.root.Children[string(kind)]
	p := option.Path{string(kind)}
	keys := d.e.keysCell(n, p)
	if !d.e.resolve(keys, hcl.Range{}) || keys.bad {
		return
	}
	for _, name := range keys.keys {
		x := &entry{e: d.e, path: p.With(name)}
		decode(name, x)
		d.entries = append(d.entries, x)
	}
}

// get is the value of an option of the entry; ok is false if nothing defines it.
func (x *entry) get(name string) (cty.Value, bool) {
	c := x.e.leafAt(x.path.With(name))
	if c == nil || c.bad {
		x.bad = true
		return cty.NilVal, false
	}
	if names := function.SecretsIn(c.merged.Value); len(names) > 0 && (x.path[0] != string(spec.KindFile) || name != "content") {
		x.bad = true
		x.e.noSecret(c, x.e.decidedAt(c, x.path), names[0])
		return cty.NilVal, false
	}
	v, _ := c.merged.Value.UnmarkDeep()
	return v, c.merged.Defined && !v.IsNull()
}

// noSecret refuses a placeholder that nothing would render (language rule 19).
func (e *evaluator) noSecret(c *cell, at *hcl.Range, name string) {
	e.fail(at, "Misplaced secret", fmt.Sprintf("%s contains the placeholder of secret %q, which hostctl replaces only in the content of files; let the program read config.secret.%s.path.", c.path, name, name))
}

// said reports whether anything but the option's default defines it.
func (x *entry) said(name string) bool {
	c := x.e.leafAt(x.path.With(name))
	return c != nil && slices.ContainsFunc(c.defs, func(d *option.Definition) bool { return d.Priority != option.OptionDefault })
}

func (e *evaluator) leafAt(p option.Path) *cell {
	n, taken := e.root.Find(p)
	if taken != len(p) || !n.IsOption() {
		e.fail(nil, "Invalid library", fmt.Sprintf("internal error: no option %s.", p))
		return nil
	}
	c := e.leafCell(n, p)
	if !e.resolve(c, hcl.Range{}) {
		return nil
	}
	return c
}

func (x *entry) text(name string) string {
	if v, ok := x.get(name); ok {
		return v.AsString()
	}
	return ""
}

func (x *entry) truth(name string) bool {
	v, ok := x.get(name)
	return ok && v.True()
}

func (x *entry) maybe(name string) *bool {
	v, ok := x.get(name)
	if !ok {
		return nil
	}
	b := v.True()
	return &b
}

func (x *entry) number(name string) *int {
	v, ok := x.get(name)
	if !ok {
		return nil
	}
	n, _ := v.AsBigFloat().Int64()
	i := int(n)
	return &i
}

func (x *entry) texts(name string) []string {
	v, ok := x.get(name)
	if !ok {
		return nil
	}
	var out []string
	for _, e := range v.AsValueSlice() {
		out = append(out, e.AsString())
	}
	return out
}

// fail reports at the line that decides one of the entry's options.
func (x *entry) fail(name, summary, detail string) {
	var at *hcl.Range
	if c := x.e.leafAt(x.path.With(name)); c != nil {
		at = x.e.decidedAt(c, x.path)
	}
	x.e.fail(at, summary, x.path.String()+": "+detail)
}

func (c *cell) strongest() *hcl.Range {
	if d := c.winner(); d != nil {
		return d.Range.Ptr()
	}
	if len(c.defs) > 0 {
		return c.defs[len(c.defs)-1].Range.Ptr()
	}
	return nil
}

func (d *decoder) settings() {
	x := &entry{e: d.e, path: option.Path{"hostctl"}}
	secrets := &entry{e: d.e, path: option.Path{"secrets"}}
	d.host.Settings = spec.Settings{
		PackageMode: x.text("package_mode"), AgeKeyFile: secrets.text("age_key_file"), Hostctl: x.text("path"),
		HealthUnits: x.texts("health_units"),
	}
	if n := x.number("health_wait"); n != nil {
		d.host.Settings.HealthWait = *n
	}
	policy := &entry{e: d.e, path: option.Path{"policy"}}
	d.host.Settings.MaxRemovals = policy.number("max_removals")
}

func (d *decoder) pkg(name string, x *entry) {
	p := spec.Package{From: x.text("from"), Absent: x.truth("absent")}
	d.host.Packages[name] = p
}

func (d *decoder) group(name string, x *entry) {
	if x.truth("absent") {
		d.host.Groups[name] = spec.Group{Absent: true}
		return
	}
	d.host.Groups[name] = spec.Group{GID: x.number("gid"), System: x.truth("system")}
}

func (d *decoder) user(name string, x *entry) {
	if x.truth("absent") {
		d.host.Users[name] = spec.User{Absent: true}
		return
	}
	u := spec.User{
		UID: x.number("uid"), Group: x.text("group"), NewHome: x.text("home"),
		Shell: x.text("shell"), Comment: x.text("comment"), System: x.truth("system"),
	}
	if x.said("groups") {
		u.Groups = append([]string{}, x.texts("groups")...)
	}
	if x.said("home") {
		u.Home, u.NewHome = u.NewHome, ""
	}
	if u.Shell != "" && !strings.Contains(u.Shell, "/") {
		u.Shell = "/usr/bin/" + u.Shell
	}
	if p := x.text("hashed_password_file"); p != "" {
		u.PasswordSecret = d.passwordSecret(p, x)
	}
	d.host.Users[name] = u
}

// passwordSecret is the secret that a password file refers to. A user's password
// is needed before the user exists.
func (d *decoder) passwordSecret(p string, x *entry) string {
	secret := strings.TrimPrefix(strings.TrimPrefix(p, spec.Secret{}.Path("")), spec.Secret{NeededForUsers: true}.Path(""))
	s, ok := d.host.Secrets[secret]
	switch {
	case !ok || s.Path(secret) != p:
		x.fail("hashed_password_file", "Unknown secret", fmt.Sprintf("no declared secret has the path %s; write config.secret.NAME.path.", p))
	case !s.NeededForUsers:
		x.fail("hashed_password_file", "Secret comes too late", fmt.Sprintf("secret %q must set needed_for_users = true: hostctl creates accounts before it decrypts other secrets.", secret))
	}
	return secret
}

func (d *decoder) secret(name string, x *entry) {
	s := spec.Secret{
		Key: x.text("key"), Owner: x.text("owner"), Group: x.text("group"), Mode: fourDigits(x.text("mode")),
		NeededForUsers: x.truth("needed_for_users"), RestartUnits: x.texts("restart_units"),
	}
	file := x.text("file")
	if file == "" {
		if !x.bad && !d.e.misspelt(x.path) {
			x.e.fail(d.e.entryRange(x.path), "Missing file", fmt.Sprintf("%s needs a file, or secrets { default_file = ... }.", x.path))
		}
	} else {
		s.FileDigest, _ = d.blob(file, "file", x)
	}
	d.host.Secrets[name] = s
}

// blob hashes a file of the flake that is copied byte by byte.
func (d *decoder) blob(p, attr string, x *entry) (string, bool) {
	file, err := d.e.realPath(d.e.flakeModule(), p)
	if err == nil {
		var b []byte
		if b, err = file.Read(tree.MaxData); err == nil {
			digest := spec.Sum(b)
			d.host.Blobs[digest] = file.Path()
			d.e.sources[digest] = file
			return digest, true
		}
		err = fmt.Errorf("cannot read %s: %w", d.e.inFlake(p), report.Underlying(err))
	}
	x.fail(attr, "Cannot read file", err.Error()+".")
	return "", false
}

func fourDigits(mode string) string {
	if len(mode) == 3 {
		return "0" + mode
	}
	return mode
}

func (d *decoder) file(name string, x *entry) {
	f := spec.File{Type: spec.Regular, Owner: x.text("owner"), Group: x.text("group"), Check: x.texts("check"), Mode: fourDigits(x.text("mode"))}
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
		hint := ""
		if clean := path.Clean("/" + name); clean != "/" && !strings.ContainsAny(name[:1], "~$.") {
			hint = fmt.Sprintf(" Did you mean %q?", clean)
		}
		x.e.fail(d.e.entryRange(x.path), "Invalid path", fmt.Sprintf("%s: the name of a file is an absolute path without . and .. in it.%s", x.path, hint))
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		x.e.fail(d.e.entryRange(x.path), "Invalid path", fmt.Sprintf("%s: a path cannot contain a newline or another control character.", x.path))
	}
	switch attr, v := x.oneOf("content", "source", "symlink", "directory"); attr {
	case "content":
		d.content(&f, v.AsString(), x)
	case "source":
		f.Digest, _ = d.blob(v.AsString(), "source", x)
	case "symlink":
		f.Type, f.Target, f.Mode = spec.Symlink, v.AsString(), ""
	case "directory":
		f.Type = spec.Directory
	}
	if f.Mode == "" && f.Type != spec.Symlink {
		f.Mode = map[bool]string{true: "0755", false: "0644"}[f.Type == spec.Directory]
	}
	d.host.Files[name] = f
}

// oneOf finds the one attribute that decides what an entry is, where only one may.
// Definitions of two of them count as definitions of one, so the stronger wins
// (language rule 34).
func (x *entry) oneOf(names ...string) (attr string, v cty.Value) {
	var best, other *option.Definition
	var rival string
	for _, name := range names {
		is, ok := x.get(name)
		if !ok || is.Type() == cty.Bool && is.False() {
			continue
		}
		def := x.e.leafAt(x.path.With(name)).winner()
		switch {
		case best == nil || def.Outranks(best):
			attr, v, best, rival = name, is, def, ""
		case !best.Outranks(def):
			rival, other = name, def
		}
	}
	what := strings.Join(names, ", ")
	switch {
	case rival != "":
		x.e.report(hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Conflicting definitions", Subject: other.Range.Ptr(), Extra: option.Others{best.Range},
			Detail: fmt.Sprintf("%s takes one of %s; it has %s here and %s at %s%s", x.path, what, rival, attr, option.At(best.Range),
				option.Rivals(other.Source.Layer, other.Priority)),
		}})
	case attr == "" && !x.bad && !x.e.misspelt(x.path):
		x.e.fail(x.e.entryRange(x.path), "Incomplete entry", fmt.Sprintf("%s needs one of %s.", x.path, what))
	}
	return attr, v
}

// winner is the strongest of the definitions that count.
func (c *cell) winner() *option.Definition {
	var best *option.Definition
	for _, d := range c.defs {
		if d.Wins && (best == nil || d.Outranks(best)) {
			best = d
		}
	}
	return best
}

// misspelt reports whether an earlier error may explain what an entry lacks: an
// unknown option in the file that makes the entry, or a file that did not parse
// (language rule 29).
func (e *evaluator) misspelt(p option.Path) bool {
	at := e.entryRange(p)
	return e.incomplete || at != nil && slices.ContainsFunc(e.log.All(), func(d *hcl.Diagnostic) bool {
		return d.Summary == "Unknown option" && d.Subject != nil && d.Subject.Filename == at.Filename
	})
}

// content takes text. If it contains secrets, hostctl renders the file at
// activation, and only the owner may read it (language rule 19).
func (d *decoder) content(f *spec.File, text string, x *entry) {
	f.Content = text
	f.Digest = spec.Sum([]byte(text))
	c := x.e.leafAt(x.path.With("content"))
	for _, name := range function.SecretsIn(c.merged.Value) {
		if strings.Contains(text, "{{secret:"+name+"}}") || strings.Contains(text, "{{secret:"+name+"|") {
			f.Secrets = append(f.Secrets, name)
		}
	}
	if len(f.Secrets) == 0 {
		return
	}
	if f.Mode == "" {
		f.Mode = "0400"
	}
	if !strings.HasPrefix(f.Mode, "0") || !strings.HasSuffix(f.Mode, "00") {
		x.fail("mode", "Secret readable by others", fmt.Sprintf("it contains %s, so its mode must grant nothing to group and others, such as 0400; it is %s.", strings.Join(f.Secrets, ", "), f.Mode))
	}
}

func (d *decoder) unit(name string, x *entry) {
	u := spec.Unit{
		Content: x.text("content"), Enabled: x.maybe("enabled"), Masked: x.maybe("masked"),
		RestartTriggers: x.texts("restart_triggers"), ReloadTriggers: x.texts("reload_triggers"),
		RestartIfChanged: x.maybe("restart_if_changed"), ReloadIfChanged: x.truth("reload_if_changed"),
	}
	if v, ok := x.get("drop_in"); ok && v.LengthInt() > 0 {
		u.DropIns = map[string]string{}
		for k, text := range v.AsValueMap() {
			u.DropIns[k] = text.AsString()
		}
	}
	d.host.Units[name] = u
}

func (d *decoder) kernel() {
	for kind, take := range map[spec.Kind]func(cty.Value){
		spec.KindSysctl: func(v cty.Value) {
			for k, text := range v.AsValueMap() {
				d.host.Sysctls[k] = text.AsString()
			}
		},
		spec.KindKernelModule: func(v cty.Value) {
			for _, m := range v.AsValueSlice() {
				d.host.KernelModules = append(d.host.KernelModules, m.AsString())
			}
		},
	} {
		c := d.e.leafAt(option.Path{string(kind)})
		if c == nil || c.bad || !c.merged.Defined {
			continue
		}
		if names := function.SecretsIn(c.merged.Value); len(names) > 0 {
			d.e.noSecret(c, c.strongest(), names[0])
			continue
		}
		take(c.merged.Value)
		for _, name := range slices.Sorted(maps.Keys(c.merged.Elements)) {
			d.host.Origins[spec.ID{Kind: kind, Name: name}] = d.e.elementOrigin(name, c.merged.Elements[name])
			d.kernelName(kind, name, c.merged.Elements[name].Range.Ptr())
		}
		if kind == spec.KindSysctl {
			d.sameParameter(c.merged.Elements)
		}
	}
}
