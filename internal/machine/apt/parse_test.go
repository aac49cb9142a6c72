package apt

import (
	"maps"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// The order of each pair is dpkg's own answer as well: see the end of the test.
func TestCompare(t *testing.T) {
	Need(t, "dpkg", "dpkg")
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1", "1", 0}, {"1.0", "1.0-0", 0}, {"0:1", "1", 0}, {"01", "1", 0}, {"1.00", "1.0", 0},
		{"1", "2", -1}, {"9", "10", -1}, {"1.9", "1.10", -1}, {"2", "1:1", -1}, {"1:1", "2:0", -1},
		{"1~rc1", "1", -1}, {"1~~", "1~", -1}, {"1~~a", "1~", -1}, {"1~rc1-1", "1-0", -1}, {"1", "1+b1", -1},
		{"1a", "1b", -1}, {"1a", "1+", -1}, {"1Z", "1a", -1}, {"1.", "1a", 1}, {"1-1", "1-1.1", -1},
		{"1-a-2", "1-b-1", -1}, {"1.2.3-4", "1.2.3-4~deb13u1", 1}, {"2.41-12", "2.41-12+deb13u5", -1},
		{"1:2:3", "1:2", 1}, {"99999999999999999999999", "100000000000000000000000", -1}, {"1-0~", "1", -1},
	} {
		if got := sign(Compare(c.a, c.b)); got != c.want {
			t.Errorf("Compare(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := sign(Compare(c.b, c.a)); got != -c.want {
			t.Errorf("Compare(%q, %q) = %d, want %d", c.b, c.a, got, -c.want)
		}
		op := map[int]string{-1: "lt", 0: "eq", 1: "gt"}[c.want]
		if out, err := exec.Command("dpkg", "--compare-versions", c.a, op, c.b).CombinedOutput(); err != nil {
			t.Errorf("dpkg does not say %q %s %q: %v %s", c.a, op, c.b, err, out)
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func lockOf(names ...string) []spec.Locked {
	var locked []spec.Locked
	for i, name := range names {
		locked = append(locked, spec.Locked{
			Name: name, Version: "1:2.0~rc1-3+b1", Arch: "amd64", SHA256: strings.Repeat("0f", 32),
			Size: int64(i + 1), Input: "debian", Path: "pool/main/" + name + "/" + name + "_2.0~rc1-3+b1_amd64.deb",
		})
	}
	return locked
}

func TestLockRoundTrip(t *testing.T) {
	want := lockOf("apt", "g++", "libc6", "zlib1g")
	shuffled := slices.Clone(want)
	slices.Reverse(shuffled)
	text := FormatLock(shuffled)
	got, err := ParseLock(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("ParseLock(FormatLock(x)) = %v, %v", got, err)
	}
	const head = "# hostctl packages.lock 1\napt 1:2.0~rc1-3+b1 amd64 0f0f"
	if !strings.HasPrefix(string(text), head) {
		t.Errorf("the format on disk has changed: %s", text)
	}
	if empty, err := ParseLock(FormatLock(nil)); err != nil || len(empty) != 0 {
		t.Errorf("an empty lock: %v, %v", empty, err)
	}
}

func TestLockRefusesTampering(t *testing.T) {
	good := string(FormatLock(lockOf("apt", "libc6")))
	lines := strings.SplitAfter(good, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"header":     {strings.Replace(good, "lock 1", "lock 2", 1), "line 1"},
		"empty":      {"", "line 1"},
		"cut":        {strings.TrimSuffix(good, "\n"), "cut off"},
		"hash":       {strings.Replace(good, "0f0f", "0F0f", 1), "not a valid sha256"},
		"short hash": {strings.Replace(good, "0f0f", "0f0", 1), "not a valid sha256"},
		"duplicate":  {good + lines[2], "line 4: package libc6 is there twice"},
		"unsorted":   {lines[0] + lines[2] + lines[1], "line 3: package apt stands after libc6"},
		"columns":    {strings.Replace(good, " debian ", " ", 1), "6 columns"},
		"size":       {strings.Replace(good, " 1 debian", " -1 debian", 1), "not a valid size"},
		"leaves":     {strings.Replace(good, "pool/main", "pool/../..", 1), "leaves the mirror"},
		"absolute":   {strings.Replace(good, "pool/main", "/etc", 1), "not a valid path"},
		"url":        {strings.Replace(good, "pool/main", "http://x", 1), "not a valid path"},
		"name":       {strings.Replace(good, "\napt ", "\n../apt ", 1), "not a valid name"},
		"merge":      {good + "<<<<<<< HEAD\n", "line 4"},
	} {
		_, err := ParseLock([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "hostctl update") {
			t.Errorf("%s: error is %v, want %q and the remedy", name, err, c.want)
		}
	}
}

const statusSample = `Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.22.21

Package: held
Status: hold ok installed
Architecture: all
Version: 1:2~3
Conffiles:
 /etc/Version: 9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: broken
Status: install ok half-configured
Architecture: amd64
Version: 1

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2
`

func TestInstalled(t *testing.T) {
	root := t.TempDir()
	WriteTest(t, root+statusPath, statusSample)
	WriteTest(t, root+extendedStatesPath, "Package: held\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: libc6\nArchitecture: i386\nAuto-Installed: 1\n\nPackage: gone\nArchitecture: amd64\nAuto-Installed: 1\n")
	got, err := Installed(system.Root(root))
	want := map[string]spec.Installed{
		"dpkg":       {Version: "1.22.21", Arch: "amd64"},
		"held":       {Version: "1:2~3", Arch: "all", Auto: true, Held: true},
		"libc6:i386": {Version: "2", Arch: "i386", Auto: true},
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Installed = %v, %v; want %v", got, err, want)
	}
	WriteTest(t, root+statusPath, "Package: torn\nVersion: 1\n")
	if _, err := Installed(system.Root(root)); err == nil || !strings.Contains(err.Error(), "torn") {
		t.Errorf("a stanza without Status: %v", err)
	}
	if _, err := Installed(system.Root(t.TempDir())); err == nil {
		t.Error("a root without dpkg's database went unnoticed")
	}
}

func TestMark(t *testing.T) {
	root := system.Root(t.TempDir())
	WriteTest(t, string(root)+statusPath, statusSample)
	const foreign = "Package: libc6\nArchitecture: i386\nAuto-Installed: 1\n\n"
	WriteTest(t, string(root)+extendedStatesPath, "Package: dpkg\nArchitecture: amd64\nAuto-Installed: 1\n\n"+foreign)
	if err := mark(root, []string{"dpkg"}, []string{"held"}); err != nil {
		t.Fatal(err)
	}
	got, err := root.Read(extendedStatesPath)
	if want := foreign + "Package: held\nArchitecture: amd64\nAuto-Installed: 1\n\n"; err != nil || string(got) != want {
		t.Errorf("extended_states is %q, %v; want %q", got, err, want)
	}
}

func TestOwned(t *testing.T) {
	root := t.TempDir()
	WriteTest(t, root+"/usr/bin/x", "")
	LinkTest(t, "usr/bin", root+"/bin")
	WriteTest(t, root+infoDir+"/x.list", "/.\n/bin\n/bin/x\n/binary\n/etc\n/etc/x\n/usr/share/d\n")
	WriteTest(t, root+infoDir+"/x.conffiles", "/etc/x\nremove-on-upgrade /etc/old\n")
	WriteTest(t, root+diversionsPath, "/bin/x\n/bin/x.real\nother\n")
	got, err := Owned(system.Root(root))
	want := map[string]bool{"/": false, "/usr/bin": false, "/usr/bin/x": false, "/usr/bin/x.real": false, "/binary": false, "/etc": false, "/etc/x": true, "/usr/share/d": false}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Owned = %v, %v", got, err)
	}
}

func TestMachineSources(t *testing.T) {
	etc := t.TempDir()
	WriteTest(t, etc+"/mirrors.list", "# two\nhttp://one.example/debian/ priority:1\nhttps://two.example/debian\n")
	WriteTest(t, etc+"/sources.list", "# deb http://comment.example/ trixie main\n"+
		"deb [ arch=amd64 signed-by=/usr/share/keyrings/vendor.gpg ] https://vendor.example/debian bookworm main\n"+
		"deb-src http://src.example/debian trixie main\ndeb\t[trusted=yes]  http://main.example/debian/  trixie  main # end\n")
	WriteTest(t, etc+"/sources.list.d/a.list", "deb https://other.example/apt sdk-bookworm main\ndeb cdrom:[x]/ trixie main\n")
	WriteTest(t, etc+"/sources.list.d/b.sources", "Types: deb deb-src\nURIs: mirror+file:"+etc+"/mirrors.list\nSuites: bookworm\n bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"+
		"\n# security\nTypes: deb\nURIs: http://sec.example/debian-security/\nSuites: bookworm-security\nComponents: main\n"+
		"\nEnabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n")
	WriteTest(t, etc+"/sources.list.d/c.sources.bak", "deb http://backup.example/debian trixie main\n")
	entries, err := machineSources(etc)
	if err != nil {
		t.Fatal(err)
	}
	mirrors, security, err := debianMirrors(entries)
	if want := []string{"http://main.example/debian", "http://one.example/debian", "https://two.example/debian"}; err != nil || !slices.Equal(mirrors, want) {
		t.Errorf("mirrors = %q, %v; want %q", mirrors, err, want)
	}
	if want := []string{"http://sec.example/debian-security"}; !slices.Equal(security, want) {
		t.Errorf("security = %q, want %q", security, want)
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add(FormatLock(lockOf("apt", "libc6")))
	f.Add([]byte("# hostctl packages.lock 1\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		locked, err := ParseLock(data)
		if err == nil && string(FormatLock(locked)) != string(data) {
			t.Errorf("a lock that is not in the one form was taken: %q", data)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(statusSample))
	f.Fuzz(func(t *testing.T, data []byte) {
		installed, err := parseStatus(data)
		if _, ok := installed[""]; ok && err == nil {
			t.Error("a package without a name was taken")
		}
	})
}

func FuzzSources(f *testing.F) {
	f.Add([]byte("deb [signed-by=/k] http://x trixie main\n"))
	f.Add([]byte("Types: deb\nURIs: http://x\nSuites: trixie\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range append(parseSourcesList(data), parseDeb822Sources(data)...) {
			if len(e.uris) == 0 || len(e.suites) == 0 {
				t.Errorf("an entry without URI or suite: %+v", e)
			}
		}
	})
}
