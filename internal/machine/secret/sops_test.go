package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// encrypt makes a sops file with the sops library itself, as the sops program does.
func encrypt(t *testing.T, format, plain string, change func(*sops.Metadata), recipients ...string) []byte {
	t.Helper()
	stores := config.NewStoresConfig()
	store := map[string]common.Store{
		"yaml": yaml.NewStore(&stores.YAML), "json": json.NewStore(&stores.JSON),
		"dotenv": dotenv.NewStore(&stores.Dotenv), "ini": ini.NewStore(&stores.INI), "binary": json.NewBinaryStore(&stores.JSONBinary),
	}[format]
	branches, err := store.LoadPlainFile([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sopsage.MasterKeysFromRecipients(strings.Join(recipients, ","))
	if err != nil {
		t.Fatal(err)
	}
	var group sops.KeyGroup
	for _, k := range keys {
		group = append(group, k)
	}
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{KeyGroups: []sops.KeyGroup{group}, UnencryptedSuffix: "_unencrypted", Version: "3.13.3"}}
	if change != nil {
		change(&tree.Metadata)
	}
	key, errs := tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewLocalClient()})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if err := common.EncryptTree(common.EncryptTreeOpts{DataKey: key, Tree: &tree, Cipher: aes.NewCipher()}); err != nil {
		t.Fatal(err)
	}
	file, err := store.EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// host is a root with an age key of its own.
func host(t *testing.T) (root system.Root, keys Keyring, public string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	root = system.Root(t.TempDir())
	put(t, root, "/etc/age.key", id.String(), 0o400)
	keys, err = LoadKeys(root, "/etc/age.key")
	if err != nil {
		t.Fatal(err)
	}
	return root, keys, id.Recipient().String()
}

func put(t *testing.T, root system.Root, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(root.Path(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root.Path(path), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root.Path(path), mode); err != nil {
		t.Fatal(err)
	}
}

const everyType = `# a comment above
text: s3cret # and one behind
number: 42
ratio: 1.50
yes_or_no: true
nothing: null
empty: ""
when: 2026-11-23T20:00:00Z
shown_unencrypted: in the open
count_unencrypted: 7
lines: |
    one
    two
nested:
    # inside
    deep:
        key: "ü \"quoted\" 'text'"
list:
    # of things
    - first
    - key: in a list
      other: 2
    - - again
`

func TestDecryptEveryFormat(t *testing.T) {
	_, keys, public := host(t)
	mac := func(m *sops.Metadata) { m.MACOnlyEncrypted = true }
	only := func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", "^(text|key)$" }
	except := func(m *sops.Metadata) { m.UnencryptedSuffix, m.UnencryptedRegex = "", "^number$" }
	suffix := func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedSuffix = "", "t" }
	flat := "A=one\n# comment\nB=two words = more\nC=\nD_unencrypted=line\\nline\n"
	for name, c := range map[string]struct {
		format, plain string
		change        func(*sops.Metadata)
		want          map[string]string
	}{
		"yaml":                   {"yaml", everyType, nil, nil},
		"yaml, MAC of encrypted": {"yaml", everyType, mac, nil},
		"yaml, encrypted_regex":  {"yaml", everyType, only, nil},
		"yaml, unencrypted_regex": {"yaml", everyType, func(m *sops.Metadata) {
			except(m)
			mac(m)
		}, nil},
		"yaml, encrypted_suffix": {"yaml", everyType, suffix, nil},
		"json": {"json", `{"a":{"b":"x","n":12345678901,"f":2.5e3,"t":true,"z":null,"e":""},"l":["p",{"q":"r"},[1]],"u_unencrypted":"\ud83d\ude00"}`, nil,
			map[string]string{"a/b": "x", "a/n": "12345678901", "a/f": "2500", "a/t": "true", "a/e": "", "l/0": "p", "l/1/q": "r", "l/2/0": "1", "u_unencrypted": "😀"}},
		"dotenv":                   {"dotenv", flat, nil, map[string]string{"A": "one", "B": "two words = more", "C": "", "D_unencrypted": "line\nline"}},
		"dotenv, MAC of encrypted": {"dotenv", flat, mac, map[string]string{"A": "one", "B": "two words = more", "C": "", "D_unencrypted": "line\nline"}},
		"ini":                      {"ini", "[s]\nA = one\nB = two\n", nil, map[string]string{"s/A": "one", "s/B": "two"}},
		"key groups":               {"yaml", everyType, split(t, public, public), nil},
		"rule by comment":          {"yaml", "# secret\na: b\n\nc: d\n", func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedCommentRegex = "", "secret" }, map[string]string{"a": "b", "c": "d"}},
		"binary":                   {"binary", "\x00\x01 bytes \xc3\xbc\n{", nil, map[string]string{"data": "\x00\x01 bytes \xc3\xbc\n{"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == nil {
				c.want = map[string]string{"text": "s3cret", "number": "42", "ratio": "1.5", "yes_or_no": "true", "empty": "",
					"when": "2026-11-23T20:00:00Z", "shown_unencrypted": "in the open", "count_unencrypted": "7", "lines": "one\ntwo\n",
					"nested/deep/key": `ü "quoted" 'text'`, "list/0": "first", "list/1/key": "in a list", "list/1/other": "2", "list/2/0": "again"}
			}
			file := encrypt(t, c.format, c.plain, c.change, public)
			got, err := keys.Decrypt(file, "f")
			if err != nil {
				t.Fatalf("%v\n%s", err, file)
			}
			same(t, got, c.want)
		})
	}
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			t.Errorf("%s is %q, want %q", k, g, v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s should not be there", k)
		}
	}
}

// split gives each recipient a key group of its own; all must open.
func split(t *testing.T, recipients ...string) func(*sops.Metadata) {
	t.Helper()
	var groups []sops.KeyGroup
	for _, r := range recipients {
		key, err := sopsage.MasterKeyFromRecipient(r)
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, sops.KeyGroup{key})
	}
	return func(m *sops.Metadata) { m.KeyGroups = groups }
}

// TestEnvironmentGivesNoKeys: sops itself would take all of these.
func TestEnvironmentGivesNoKeys(t *testing.T) {
	root, _, public := host(t)
	_, others, _ := host(t)
	key, err := root.Read("/etc/age.key")
	if err != nil {
		t.Fatal(err)
	}
	file := encrypt(t, "yaml", "a: b\n", nil, public)
	ran := filepath.Join(t.TempDir(), "ran")
	t.Setenv("SOPS_AGE_KEY", string(key))
	t.Setenv("SOPS_AGE_KEY_FILE", root.Path("/etc/age.key"))
	t.Setenv("SOPS_AGE_KEY_CMD", "touch "+ran)
	for name, keys := range map[string]Keyring{"keys of another": others, "no keys": {}} {
		if _, err := keys.Decrypt(file, "f"); err == nil {
			t.Errorf("%s: the environment's key opened the file", name)
		}
	}
	if _, err := os.Lstat(ran); err == nil {
		t.Error("a command of the environment ran")
	}
}

func TestSecondRecipientOpens(t *testing.T) {
	_, _, other := host(t)
	_, keys, public := host(t)
	if _, err := keys.Decrypt(encrypt(t, "yaml", "a: b\n", nil, other, public), "f"); err != nil {
		t.Fatal(err)
	}
}

func TestDecryptRefuses(t *testing.T) {
	_, keys, public := host(t)
	_, _, other := host(t)
	file := string(encrypt(t, "yaml", "a: hunter2value\nb: second1value\nc_unencrypted: open\nl: [x, y]\n", nil, public))
	line := func(key string) string {
		for l := range strings.Lines(file) {
			if strings.HasPrefix(l, key+": ") {
				return l
			}
		}
		t.Fatalf("no %s in\n%s", key, file)
		return ""
	}
	onlyEncrypted := func(m *sops.Metadata) { m.MACOnlyEncrypted = true }
	for name, c := range map[string]struct{ file, want string }{
		"another host's":                      {string(encrypt(t, "yaml", "a: b\n", nil, other)), "is encrypted to " + other + ", and this host has " + public + " (/etc/age.key)"},
		"values swapped":                      {strings.NewReplacer(line("a"), "a"+line("b")[1:], line("b"), "b"+line("a")[1:]).Replace(file), "changed, or moved from another key"},
		"value removed":                       {strings.Replace(file, line("a"), "", 1), "MAC does not match"},
		"open value changed":                  {strings.Replace(file, "c_unencrypted: open", "c_unencrypted: shut", 1), "MAC does not match"},
		"open value added":                    {"d_unencrypted: more\n" + file, "MAC does not match"},
		"plain value added":                   {"d: plain\n" + file, `"d" cannot be decrypted`},
		"plain number added":                  {"d: 4\n" + file, "a number, a truth value or a time in it is not encrypted"},
		"plain value added, MAC of encrypted": {"d: plain\n" + string(encrypt(t, "yaml", "a: b\n", onlyEncrypted, public)), `"d" cannot be decrypted`},
		"MAC mode switched":                   {strings.Replace(file, "    mac: ", "    mac_only_encrypted: true\n    mac: ", 1), "MAC does not match"},
		"time changed":                        {strings.Replace(file, "lastmodified: \"20", "lastmodified: \"19", 1), "MAC cannot be read"},
		"never encrypted":                     {"a: b\n", "no sops metadata"},
		"empty":                               {"", "no sops metadata"},
		"a list":                              {"- a\n", "not YAML as sops writes it"},
		"twice the same key":                  {file + "a: hunter2value\n", "not YAML as sops writes it"},
		"metadata damaged":                    {"a: b\nsops:\n  mac: x\n", "sops metadata is damaged"},
		"type that sops does not write":       {strings.Replace(file, ",type:str]", ",type:bytes]", 1), `"a" cannot be decrypted`},
		"key damaged":                         {strings.Replace(file, "BEGIN AGE", "BEGIN EGA", 1), "its key for " + public + " is damaged"},
		"a group short":                       {string(encrypt(t, "yaml", "a: b\n", split(t, public, other), public)), "in 2 key groups, of which 2 must open"},
		"dotenv line":                         {"A=b\nhunter2value\nsops_mac=x\n", "not dotenv as sops writes it"},
		"two documents":                       {file + "---\na: b\n", "several YAML documents"},
		"ini":                                 {"[a]\nb=c\n[sops]\nmac=x\n", "not INI as sops writes it"},
		"broken JSON":                         {"{\"a\":}", "not JSON as sops writes it"},
		"no MAC":                              {strings.Replace(file, "    mac: ", "    cam: ", 1), "MAC does not match"},
		"cloud and gpg keys only": {"a: b\nsops:\n  mac: x\n  lastmodified: \"2026-11-23T20:00:00Z\"\n  kms: [{arn: x, created_at: \"2026-11-23T20:00:00Z\"}]\n  pgp: [{fp: y, created_at: \"2026-11-23T20:00:00Z\"}]\n",
			"encrypted to kms x, pgp y, and this host has"},
	} {
		t.Run(name, func(t *testing.T) {
			values, err := keys.Decrypt([]byte(c.file), "secrets/x.yaml")
			if err == nil {
				t.Fatalf("no error, values %v", values)
			}
			if !strings.HasPrefix(err.Error(), "cannot decrypt secrets/x.yaml: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want one that says %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2value") || strings.Contains(err.Error(), "second1value") {
				t.Errorf("the error tells a value: %v", err)
			}
		})
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add([]byte("a: ENC[AES256_GCM,data:,iv:,tag:,type:str]\nsops:\n  mac: x\n  lastmodified: \"2026-11-23T20:00:00Z\"\n  age: [{recipient: age1, enc: x}]\n"))
	f.Add([]byte(`{"a":[{"b":"c"}],"sops":{"mac":"x","age":[]}}`))
	f.Add([]byte("A=b\nsops_mac=x\nsops_age__list_0__map_enc=y\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := (Keyring{}).Decrypt(file, "f"); err == nil {
			t.Error("a file was opened without a key")
		}
		// Past the key, too: what follows must bear anything.
		if tree, err := parse(file); err == nil {
			if _, err := open(tree, make([]byte, 32)); err == nil {
				t.Error("a file was opened with a made-up key")
			}
		}
	})
}
