package secret

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

func TestRender(t *testing.T) {
	values := map[string]string{"a": `q"uo\te'`, "b": "one\ntwo", "del": "\x7f<&>"}
	declared := map[string]spec.Secret{"a": {}, "b": {}, "del": {}, "alpha": {}}
	for in, want := range map[string]string{
		"no placeholder {{secret}} {{ secret:a }}": "no placeholder {{secret}} {{ secret:a }}",
		"[{{secret:a}}] = {{secret:b}}":            "[q\"uo\\te'] = one\ntwo",
		`"x {{secret:a|json}}{{secret:b|json}}"`:   `"x q\"uo\\te'one\ntwo"`,
		`"{{secret:del|json}}"`:                    `"\u007f<&>"`,
		"<x>{{secret:a|xml}}</x>":                  `<x>q&quot;uo\te'</x>`,
		"X={{secret:a|shell}}":                     `X='q"uo\te'\'''`,
	} {
		if got, err := render(in, values, declared); err != nil || got != want {
			t.Errorf("render(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"{{secret:a|html}}": `no escaper "html"`,
		"{{secret:alpah}}":  "did you mean alpha?",
	} {
		if _, err := render(in, values, declared); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("render(%q): %v, want an error that says %q", in, err, want)
		}
	}
}

func TestLoadKeysRefuses(t *testing.T) {
	root := system.Root(t.TempDir())
	put(t, root, "/open.key", "AGE-SECRET-KEY-1", 0o440)
	put(t, root, "/text.key", "hunter2", 0o400)
	for path, want := range map[string]string{
		"/none.key": "there is no key at /none.key",
		"/open.key": "mode is 0440",
		"/text.key": "cannot read age keys from /text.key",
		"":          "the spec names no age key file",
	} {
		if _, err := LoadKeys(root, path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("LoadKeys(%q): %v, want an error that says %q", path, err, want)
		}
	}
}

func TestSSHHostKeyOpens(t *testing.T) {
	private, public := sshKey(t)
	root := system.Root(t.TempDir())
	put(t, root, sshHostKey, private, 0o600)
	put(t, root, sshHostKey+".pub", public+" root@host\n", 0o644)
	keys, err := LoadKeys(root, "/etc/not-there.key")
	if err != nil {
		t.Fatal(err)
	}
	got, err := keys.Decrypt(encrypt(t, "yaml", "a: b\n", nil, public), "f")
	if err != nil || got["a"] != "b" {
		t.Errorf("got %v, %v", got, err)
	}
	_, _, other := host(t)
	_, err = keys.Decrypt(encrypt(t, "yaml", "a: b\n", nil, other), "f")
	if err == nil || !strings.Contains(err.Error(), "this host has "+public) {
		t.Errorf("%v, want an error that names the host key", err)
	}
}

// world is a root with accounts, a key and one encrypted file.
func world(t *testing.T, plain string) (system.Root, Keyring, *spec.Host, func(string) ([]byte, error)) {
	t.Helper()
	root, keys, public := host(t)
	put(t, root, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:4242:4243::/home/alice:/bin/sh\n", 0o644)
	put(t, root, "/etc/group", "root:x:0:\nkeys:x:4244:alice\n", 0o644)
	file := encrypt(t, "yaml", plain, nil, public)
	d := spec.Sum(file)
	want := &spec.Host{
		Name: "h",
		Secrets: map[string]spec.Secret{
			"token":     {FileDigest: d, Key: "app/token", Owner: "alice", Group: "keys", Mode: "0440"},
			"app/other": {FileDigest: d, Key: "other", Owner: "root", Group: "root", Mode: "0400"},
			"hash":      {FileDigest: d, Key: "hash", Owner: "root", Group: "root", Mode: "0400", NeededForUsers: true},
		},
		Files: map[string]spec.File{
			"/etc/app.json": {Type: spec.Regular, Content: `{"t":"{{secret:token|json}}"}`, Owner: "alice", Group: "4243", Mode: "0600", Secrets: []string{"token"}},
			"/etc/motd":     {Type: spec.Regular, Content: "{{secret:token}}", Owner: "root", Group: "root", Mode: "0644"},
		},
		Blobs:   map[string]string{d: "secrets/h.yaml"},
		Origins: map[spec.ID]spec.Origin{{Kind: spec.KindSecret, Name: "token"}: {File: "hosts/h.hcl", Line: 3}},
	}
	return root, keys, want, blobs(file)
}

func blobs(files ...[]byte) func(string) ([]byte, error) {
	return func(digest string) ([]byte, error) {
		for _, f := range files {
			if spec.Sum(f) == digest {
				return f, nil
			}
		}
		return nil, fmt.Errorf("cannot find object %s", digest)
	}
}

func TestCheckTellsEveryProblem(t *testing.T) {
	_, keys, want, blob := world(t, "app: {tokn: hunter2}\nhash: x\nother: y\n")
	want.Secrets["lost"] = spec.Secret{FileDigest: strings.Repeat("ab", 32), Key: "x"}
	want.Files["/etc/b"] = spec.File{Type: spec.Regular, Content: "{{secret:hsah}}", Secrets: []string{"hsah"}}
	err := keys.Check(want, blob)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{
		"cannot provide the secrets of h:\n",
		`secret["token"] (hosts/h.hcl:3): secrets/h.yaml has no value "app/token"; did you mean app/tokn?`,
		"lost: cannot find object abab", `file["/etc/b"]: it uses secret "hsah", which is not declared; did you mean hash?`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error tells a value:\n%v", err)
	}
}

func TestInstallRefusesBeforeItWrites(t *testing.T) {
	root, keys, want, blob := world(t, "app: {token: t}\nother: o\nhash: h\n")
	want.Secrets["rendered/x"] = spec.Secret{FileDigest: want.Secrets["token"].FileDigest, Key: "hash", Owner: "bob", Group: "root", Mode: "rw"}
	_, err := Install(root, want, blob, keys)
	if err == nil || !strings.Contains(err.Error(), `no user "bob"`) || !strings.Contains(err.Error(), "not below rendered") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(root.Path("/run")); err == nil {
		t.Error("something was made below /run")
	}
}

func TestInstall(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	plain := "app: {token: t1}\nother: o\nhash: h\n"
	root, keys, want, blob := world(t, plain)
	t.Cleanup(func() {
		if err := unmount(root); err != nil {
			t.Error(err)
		}
	})
	install := func(secrets, files []string) {
		t.Helper()
		got, err := Install(root, want, blob, keys)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Secrets, secrets) || !reflect.DeepEqual(got.Files, files) {
			t.Errorf("changed are %v and %v, want %v and %v", got.Secrets, got.Files, secrets, files)
		}
	}
	none := []string{}
	rendered := spec.RenderedPath("/etc/app.json")
	install([]string{"app/other", "hash", "token"}, []string{"/etc/app.json"})
	expect(t, root, "/run/secrets/token", "t1", 4242, 4244, 0o440)
	expect(t, root, "/run/secrets/app/other", "o", 0, 0, 0o400)
	expect(t, root, "/run/secrets-for-users/hash", "h", 0, 0, 0o400)
	expect(t, root, rendered, `{"t":"t1"}`, 4242, 4243, 0o600)
	for path, mode := range map[string]os.FileMode{
		"/run/secrets.d": 0o751, "/run/secrets.d/1": 0o751, "/run/secrets.d/1/app": 0o751, "/run/secrets.d/1/rendered": 0o751,
		"/run/secrets.d/1.users": 0o700, "/run/secrets.d/1.json": 0o600,
	} {
		if info, err := os.Lstat(filepath.Join(string(root), path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want mode %o", path, info, err, mode)
		}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(root.Path("/run/secrets.d"), &fs); err != nil || fs.Type != unix.TMPFS_MAGIC && fs.Type != unix.RAMFS_MAGIC {
		t.Errorf("secrets are on a file system of type %x, %v", fs.Type, err)
	}

	install(none, none)
	if link, _ := os.Readlink(root.Path("/run/secrets")); link != "/run/secrets.d/1" {
		t.Errorf("an equal installation made %s", link)
	}

	have, err := Read(root)
	if err != nil || !reflect.DeepEqual(have, want.Secrets) {
		t.Errorf("Read says %v, %v, want %v", have, err, want.Secrets)
	}
	if err := os.Chmod(root.Path("/run/secrets/token"), 0o444); err != nil {
		t.Fatal(err)
	}
	if have, err := Read(root); err != nil || have["token"].Mode != "0444" {
		t.Errorf("Read does not see a changed mode: %v, %v", have["token"], err)
	}
	install([]string{"token"}, none)
	expect(t, root, "/run/secrets/token", "t1", 4242, 4244, 0o440)

	manifest, err := os.ReadFile(root.Path("/run/secrets.d/2.json"))
	if err != nil || strings.Contains(string(manifest), "t1") || strings.Contains(string(manifest), spec.Sum([]byte("t1"))) {
		t.Errorf("the manifest tells a value, or %v:\n%s", err, manifest)
	}

	delete(want.Secrets, "app/other")
	install([]string{"app/other"}, none)
	if entries, _ := os.ReadDir(root.Path("/run/secrets.d")); len(entries) != 3 {
		t.Errorf("old sets are left: %v", entries)
	}
	if _, err := os.Lstat(root.Path("/run/secrets/app")); err == nil {
		t.Error("a secret that the host no longer has is still there")
	}

	want.Secrets, want.Files = nil, nil
	install([]string{"hash", "token"}, []string{"/etc/app.json"})
	for _, p := range []string{"/run/secrets", "/run/secrets-for-users", "/run/secrets.d"} {
		if _, err := os.Lstat(root.Path(p)); err == nil {
			t.Errorf("%s is left on a host without secrets", p)
		}
	}
	install(none, none)
}

func TestInstallNewValue(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	root, keys, want, blob := world(t, "app: {token: t1}\nother: o\nhash: h\n")
	t.Cleanup(func() {
		if err := unmount(root); err != nil {
			t.Error(err)
		}
	})
	if _, err := Install(root, want, blob, keys); err != nil {
		t.Fatal(err)
	}
	file := encrypt(t, "yaml", "app: {token: t2}\nother: o\nhash: h\n", nil, strings.Fields(keys.public[0])[0])
	for name, s := range want.Secrets {
		s.FileDigest = spec.Sum(file)
		want.Secrets[name] = s
	}
	got, err := Install(root, want, blobs(file), keys)
	if err != nil || !reflect.DeepEqual(got.Secrets, []string{"token"}) || !reflect.DeepEqual(got.Files, []string{"/etc/app.json"}) {
		t.Errorf("changed is %v, %v: only token and its file have", got, err)
	}
	if text := got.Hide("was t1, is t2"); text != "was {{secret:token}}, is {{secret:token}}" {
		t.Errorf("of the values before and after, %q shows one", text)
	}
	expect(t, root, spec.RenderedPath("/etc/app.json"), `{"t":"t2"}`, 4242, 4243, 0o600)
}

func expect(t *testing.T, root system.Root, path, content string, uid, gid uint32, mode uint32) {
	t.Helper()
	data, err := root.Read(path)
	if err != nil || string(data) != content {
		t.Errorf("%s holds %q, %v, want %q", path, data, err, content)
		return
	}
	var st unix.Stat_t
	if err := unix.Lstat(root.Path(path), &st); err != nil || st.Uid != uid || st.Gid != gid || st.Mode&0o7777 != mode {
		t.Errorf("%s is %d:%d %o, %v, want %d:%d %o", path, st.Uid, st.Gid, st.Mode, err, uid, gid, mode)
	}
}
