package account

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	json "github.com/go-json-experiment/json/v1"
)

// random databases share names and lines on purpose, so that entries are
// added, removed, moved, doubled and edited between any two of them.
func random(r *rand.Rand) Files {
	f := Files{}
	for _, path := range Paths() {
		if r.IntN(8) == 0 {
			continue
		}
		var b strings.Builder
		for range r.IntN(8) {
			b.WriteString(randomLine(r, path) + "\n")
		}
		f[path] = []byte(b.String())
	}
	return f
}

func randomLine(r *rand.Rand, path string) string {
	name := fmt.Sprintf("u%d", r.IntN(5))
	members := []string{"", "u1", "u2,u1", "u1,u3", "u3"}[r.IntN(5)]
	if r.IntN(10) == 0 {
		return []string{"# comment", "", "+@netgroup::::::", "damaged:line", "+"}[r.IntN(5)]
	}
	switch path {
	case Passwd:
		return fmt.Sprintf("%s:x:%d:%d::/home/%s:/bin/%d", name, 1000+r.IntN(5), 1000+r.IntN(5), name, r.IntN(2))
	case Group:
		return fmt.Sprintf("%s:x:%d:%s", name, 1000+r.IntN(5), members)
	case Shadow:
		return fmt.Sprintf("%s:$y$%d:%d:0:99999:7:::", name, r.IntN(3), r.IntN(3))
	case GShadow:
		return fmt.Sprintf("%s:!:%s:%s", name, members, members)
	default:
		return fmt.Sprintf("%s:%d:65536", name, 100000+65536*r.IntN(3))
	}
}

func show(f Files) string {
	var b strings.Builder
	for _, path := range Paths() {
		if content, ok := f[path]; ok {
			fmt.Fprintf(&b, "== %s\n%s", path, content)
		}
	}
	return b.String()
}

// TestDiffThenApply is the law of a delta, through its stored form.
func TestDiffThenApply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a, b := random(r), random(r)
		d := stored(t, Diff(a, b))
		got, err := d.Apply(a)
		if err != nil {
			t.Fatalf("%v\nfrom\n%s\nto\n%s", err, show(a), show(b))
		}
		if show(got) != show(b) {
			t.Fatalf("from\n%s\nto\n%s\ngot\n%s\nby %+v", show(a), show(b), show(got), d)
		}
		if !Diff(b, b).Empty() {
			t.Fatal("a database differs from itself")
		}
	}
}

func stored(t *testing.T, d Delta) Delta {
	t.Helper()
	j, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Delta
	if err := json.Unmarshal(j, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// withoutPasswords drops what an inverse never gives back.
func withoutPasswords(f Files) string {
	out := Files{}
	for path, content := range f {
		var b strings.Builder
		for _, l := range parse(path, content) {
			fields := strings.Split(l.text, ":")
			for i := range fields {
				if l.key.Entry && i > 0 && isUsers(path, i) {
					fields[i] = ""
				}
			}
			b.WriteString(strings.Join(fields, ":") + "\n")
		}
		out[path] = []byte(b.String())
	}
	return show(out)
}

// TestInvert: what a delta did is undone, except for passwords and except for
// groups that somebody's account needs.
func TestInvert(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		a, b := random(r), random(r)
		// Group lines that go are judged by who is in them: see TestInverseLeavesGroups.
		b[Group], b[GShadow] = a[Group], a[GShadow]
		if a[Group] == nil {
			delete(b, Group)
		}
		if a[GShadow] == nil {
			delete(b, GShadow)
		}
		d := Diff(a, b)
		got, err := stored(t, d.Invert()).Apply(b)
		if err != nil {
			t.Fatalf("%v\nfrom\n%s\nto\n%s", err, show(a), show(b))
		}
		if withoutPasswords(got) != withoutPasswords(a) {
			t.Fatalf("from\n%s\nto\n%s\nback\n%s\nby %+v", show(a), show(b), show(got), d.Invert())
		}
	}
}

const (
	basePasswd = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann:/home/ann:/bin/bash\n"
	baseGroup  = "root:x:0:\nsudo:x:27:ann\nann:x:1000:\n"
	baseShadow = "root:*:20000:0:99999:7:::\nann:$y$old:20000:0:99999:7:::\n"
)

func base() Files {
	return Files{Passwd: []byte(basePasswd), Group: []byte(baseGroup), Shadow: []byte(baseShadow)}
}

// with replaces text in one file of a copy, which must be there.
func with(t *testing.T, f Files, path, old, new string) Files {
	t.Helper()
	if !strings.Contains(string(f[path]), old) {
		t.Fatalf("%s has no %q:\n%s", path, old, f[path])
	}
	out := Files{}
	for p, c := range f {
		out[p] = c
	}
	out[path] = []byte(strings.Replace(string(f[path]), old, new, 1))
	return out
}

func appended(f Files, path, line string) Files {
	out := Files{}
	for p, c := range f {
		out[p] = c
	}
	out[path] = append(slices.Clone(f[path]), line+"\n"...)
	return out
}

// bob is what a stage does: a new account, and a group membership.
func bob(t *testing.T) Delta {
	b := appended(base(), Passwd, "bob:x:1001:1001::/home/bob:/bin/sh")
	b = appended(b, Group, "bob:x:1001:")
	b = with(t, b, Group, "sudo:x:27:ann", "sudo:x:27:ann,bob")
	b = appended(b, Shadow, "bob:$y$new:20100:0:99999:7:::")
	return Diff(base(), b)
}

func apply(t *testing.T, d Delta, live Files) Files {
	t.Helper()
	out, err := d.Apply(live)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantLine(t *testing.T, f Files, path, line string) {
	t.Helper()
	if !slices.Contains(strings.Split(string(f[path]), "\n"), line) {
		t.Errorf("%s lacks %q:\n%s", path, line, f[path])
	}
}

// TestOthersMeanwhile: while the stage ran, Ann changed her password and her
// shell, and the administrator made an account, a membership and a comment.
func TestOthersMeanwhile(t *testing.T) {
	live := with(t, base(), Shadow, "ann:$y$old:20000", "ann:$y$changed:20111")
	live = with(t, live, Passwd, "/home/ann:/bin/bash", "/home/ann:/bin/zsh")
	live = appended(live, Passwd, "# kept by hand")
	live = appended(live, Passwd, "eve:x:1100:1100::/home/eve:/bin/sh")
	live = appended(live, Group, "eve:x:1100:")
	live = with(t, live, Group, "sudo:x:27:ann", "sudo:x:27:ann,eve")

	forward := apply(t, bob(t), live)
	for path, line := range map[string]string{
		Passwd: "ann:x:1000:1000:Ann:/home/ann:/bin/zsh",
		Group:  "sudo:x:27:ann,eve,bob",
		Shadow: "ann:$y$changed:20111:0:99999:7:::",
	} {
		wantLine(t, forward, path, line)
	}
	wantLine(t, forward, Passwd, "# kept by hand")
	wantLine(t, forward, Passwd, "bob:x:1001:1001::/home/bob:/bin/sh")
	wantLine(t, forward, Shadow, "bob:$y$new:20100:0:99999:7:::")

	back := apply(t, bob(t).Invert(), forward)
	if show(back) != show(live) {
		t.Errorf("undone it is not what it was\n%s\nbut\n%s", show(live), show(back))
	}
}

func TestInverseKeepsPasswords(t *testing.T) {
	after := with(t, base(), Shadow, "ann:$y$old:20000:0", "ann:$y$script:20100:5")
	after = with(t, after, Passwd, "/home/ann:/bin/bash", "/home/ann:/bin/zsh")
	d := Diff(base(), after)
	back := apply(t, d.Invert(), after)
	wantLine(t, back, Shadow, "ann:$y$script:20100:5:99999:7:::")
	wantLine(t, back, Passwd, "ann:x:1000:1000:Ann:/home/ann:/bin/bash")

	// She chose another shell since: that stays.
	chosen := with(t, after, Passwd, "/bin/zsh", "/bin/fish")
	wantLine(t, apply(t, d.Invert(), chosen), Passwd, "ann:x:1000:1000:Ann:/home/ann:/bin/fish")
}

func TestInverseCarriesNoHashOfNewAccounts(t *testing.T) {
	j, err := json.Marshal(bob(t).Invert())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(j), "$y$") {
		t.Errorf("a hash is stored for nothing: %s", j)
	}
}

func TestInverseRestoresRemovedAccounts(t *testing.T) {
	without := Files{Passwd: []byte("root:x:0:0:root:/root:/bin/bash\n"), Group: []byte("root:x:0:\nsudo:x:27:\n"), Shadow: []byte("root:*:20000:0:99999:7:::\n")}
	d := Diff(base(), without)
	if got := show(apply(t, d.Invert(), without)); got != show(base()) {
		t.Error(got)
	}
	taken := appended(without, Passwd, "eve:x:1000:1000::/home/eve:/bin/sh")
	if _, err := d.Invert().Apply(taken); err == nil || !strings.Contains(err.Error(), `"eve"`) {
		t.Errorf("two accounts with one uid: %v", err)
	}
	if tombs := d.Tombs(); tombs.Users["ann"] != 1000 || tombs.Groups["ann"] != 1000 || len(tombs.Users) != 1 {
		t.Errorf("tombs are %+v", tombs)
	}
}

func TestInverseLeavesGroups(t *testing.T) {
	made := appended(base(), Group, "media:x:1500:ann")
	d := Diff(base(), made)
	if back := apply(t, d.Invert(), made); show(back) != show(base()) {
		t.Errorf("an unused group stays: %s", back[Group])
	}
	joined := appended(with(t, made, Group, "media:x:1500:ann", "media:x:1500:ann,eve"), Passwd, "eve:x:1100:1100::/:/bin/sh")
	wantLine(t, apply(t, d.Invert(), joined), Group, "media:x:1500:eve")
	first := appended(made, Passwd, "eve:x:1100:1500::/:/bin/sh")
	wantLine(t, apply(t, d.Invert(), first), Group, "media:x:1500:")
}

// TestInverseMovesPrimaryGroupsBack: the delta itself made the group somebody's
// first one, so the inverse need not keep it; another's field does not matter.
func TestInverseMovesPrimaryGroupsBack(t *testing.T) {
	made := with(t, appended(base(), Group, "media:x:1500:"), Passwd, "ann:x:1000:1000:", "ann:x:1000:1500:")
	d := Diff(base(), made)
	if back := apply(t, d.Invert(), made); show(back) != show(base()) {
		t.Errorf("undone it is\n%s", show(back))
	}
	shell := with(t, appended(base(), Group, "media:x:1500:"), Passwd, "ann:/bin/bash", "ann:/bin/zsh")
	moved := with(t, shell, Passwd, "ann:x:1000:1000:", "ann:x:1000:1500:")
	wantLine(t, apply(t, Diff(base(), shell).Invert(), moved), Group, "media:x:1500:")
}

func TestConflicts(t *testing.T) {
	shell := Diff(base(), with(t, base(), Passwd, "/home/ann:/bin/bash", "/home/ann:/bin/zsh"))
	for name, c := range map[string]struct {
		delta Delta
		live  Files
		want  string
	}{
		"same field": {shell, with(t, base(), Passwd, "/home/ann:/bin/bash", "/home/ann:/bin/fish"), "/bin/fish"},
		"entry gone": {shell, with(t, base(), Passwd, "ann:x:1000:1000:Ann:/home/ann:/bin/bash\n", ""), "removed by others"},
		"same name":  {bob(t), appended(base(), Passwd, "bob:x:1005:1005::/:/bin/sh"), "made by others"},
		"same id":    {bob(t), appended(base(), Passwd, "eve:x:1001:1100::/:/bin/sh"), `"eve"`},
		"version":    {Delta{Version: 9}, base(), "version is 9"},
	} {
		if _, err := c.delta.Apply(c.live); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestApplyTwice(t *testing.T) {
	once := apply(t, bob(t), base())
	if twice := apply(t, bob(t), once); show(twice) != show(once) {
		t.Error(show(twice))
	}
}

func TestNISLinesStayLast(t *testing.T) {
	// The line that bob stood after is gone, and NIS's are at the end.
	live := with(t, appended(base(), Passwd, "+::::::"), Passwd, "ann:x:1000:1000:Ann:/home/ann:/bin/bash\n", "")
	got := apply(t, bob(t), live)
	if !strings.HasSuffix(string(got[Passwd]), "bob:x:1001:1001::/home/bob:/bin/sh\n+::::::\n") {
		t.Errorf("%s", got[Passwd])
	}
}

func TestRemap(t *testing.T) {
	for name, c := range map[string]struct {
		tombs    Tombs
		said     Tombs
		live     Files
		uid, gid string
	}{
		"no tombs":             {Tombs{}, Tombs{}, base(), "1001", "1001"},
		"another's old id":     {Tombs{Users: map[string]int{"zed": 1001}}, Tombs{}, base(), "1002", "1001"},
		"its own old id":       {Tombs{Users: map[string]int{"bob": 1001}}, Tombs{}, base(), "1001", "1001"},
		"another id of old":    {Tombs{Users: map[string]int{"bob": 1044}, Groups: map[string]int{"bob": 1055}}, Tombs{}, base(), "1044", "1055"},
		"old id is used now":   {Tombs{Users: map[string]int{"bob": 1000}}, Tombs{}, base(), "1001", "1001"},
		"taken meanwhile":      {Tombs{}, Tombs{}, appended(base(), Passwd, "eve:x:1001:1000::/:/bin/sh"), "1002", "1001"},
		"declared":             {Tombs{Users: map[string]int{"bob": 1044}}, Tombs{Users: map[string]int{"bob": 1001}}, base(), "1001", "1001"},
		"declared, of another": {Tombs{Users: map[string]int{"zed": 1001}}, Tombs{Users: map[string]int{"bob": 1001}}, base(), "1001", "1001"},
	} {
		d, r, err := Remap(bob(t), c.live, c.tombs, c.said)
		if err != nil {
			t.Fatal(err)
		}
		got := apply(t, d, c.live)
		wantLine(t, got, Passwd, "bob:x:"+c.uid+":"+c.gid+"::/home/bob:/bin/sh")
		wantLine(t, got, Group, "bob:x:"+c.gid+":")
		if (c.uid != "1001") != (len(r.UIDs) == 1) || (c.gid != "1001") != (len(r.GIDs) == 1) {
			t.Errorf("%s: the files to be given away are %+v", name, r)
		}
	}
}

func TestParseEntries(t *testing.T) {
	f := Files{
		Passwd: []byte("root:x:0:0:root:/root:/bin/sh\n# c\n\nbad:x:a:0:::\nroot:x:5:5::/:\n+nis\nshort:x\nann:x:1:2:Ann,,:/h:"),
		Group:  []byte("root:x:0:\nwheel:x:0:ann,,root\n"),
	}
	users, groups := f.Users(), f.Groups()
	if len(users) != 2 || users["root"].UID != 0 || users["ann"].Comment != "Ann,," || users["ann"].GID != 2 {
		t.Errorf("%+v", users)
	}
	if fmt.Sprint(groups["wheel"].Members) != "[ann root]" {
		t.Errorf("%+v", groups)
	}
	n := f.Names()
	if n.Group(0) != "root" || n.User(77) != "77" {
		t.Error(n.Group(0), n.User(77))
	}
	if id, ok := n.UID("12"); !ok || id != 12 {
		t.Error(id, ok)
	}
	if _, ok := n.GID("nobody"); ok {
		t.Error("an unknown group has an id")
	}
}

func FuzzDiffApply(f *testing.F) {
	f.Add(basePasswd, basePasswd+"bob:x:1:1:::\n", baseGroup, "", baseShadow, "x")
	f.Fuzz(func(t *testing.T, p1, p2, g1, g2, s1, s2 string) {
		a := Files{Passwd: []byte(p1), Group: []byte(g1), SubUID: []byte(s1), Shadow: []byte(s1)}
		b := Files{Passwd: []byte(p2), Group: []byte(g2), SubUID: []byte(s2), Shadow: []byte(s2)}
		d := Diff(a, b)
		got, err := d.Apply(a)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range b {
			if strings.TrimSuffix(string(want), "\n") != strings.TrimSuffix(string(got[path]), "\n") {
				t.Errorf("%s: want %q, got %q", path, want, got[path])
			}
		}
		if _, err := d.Invert().Apply(b); err != nil {
			t.Error(err)
		}
	})
}
