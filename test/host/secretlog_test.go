package host

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// What a failing unit prints of a secret, before or after a rotation and in
// whatever form, is in no error; and of its log nothing is kept.
func TestSecretsInLogsOfUnits(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/small", "small")
	g.lock()
	g.copyIn("../../secrets/secrets.yaml", flakeInGuest+"/hosts/small/secrets.yaml", 0o644)
	g.copyIn("../../secrets/TEST-ONLY.agekey", "/var/lib/hostctl/age.key", 0o600)
	g.write("/root/leak", `#!/bin/sh
echo "it is $(cat $1)" "$(sed 's/[^a-z]/\&/g' $1)"
echo "$(printf 'name:%s:more' "$(cat $1)" | base64 -w0)" "$(od -An -v -tx1 $1 | tr -d ' \n')"
test $1 = /root/was
`, 0o755)
	configure := func(key, units string) {
		g.write(flakeInGuest+"/hosts/small/default.hcl", "secrets { default_file = \"./secrets.yaml\" }\nsecret \"token\" {\n  key   = \""+key+"\"\n  owner = \"root\"\n}\n"+units, 0o644)
	}
	configure("user_password", "")
	g.want(0, nil, "switch", "--yes")
	was := g.sh("cat /run/secrets/token")
	g.write("/root/was", was, 0o600)
	configure("hello_world", unitBlock("leaks.service", "[Service]\nType=oneshot\nExecStart=/root/leak /root/was\nExecStart=/root/leak /run/secrets/token", isOn))
	r := g.want(3, []string{"leaks.service", "    | it is {{secret:token}}"}, "switch", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)

	configure("hello_world", "")
	g.want(0, nil, "switch", "--yes")
	is := g.sh("cat /run/secrets/token")
	if was == is || len(was) < 4 || len(is) < 4 {
		t.Fatalf("the values are %q and %q, which shows nothing", was, is)
	}
	kept := g.sh("cat /var/lib/hostctl/generations/2/failed")
	if !strings.Contains(kept, "leaks.service") || strings.Contains(kept, "|") || strings.Contains(kept, "secret:") {
		t.Errorf("what is kept of the failure is %q", kept)
	}
	for _, value := range []string{was, is} {
		for form, text := range map[string]string{
			"as it is": value, "hex": hex.EncodeToString([]byte(value)),
			"base64": base64.RawStdEncoding.EncodeToString([]byte("name:" + value))[8:][:4],
		} {
			if strings.Contains(r.stderr+r.stdout, text) {
				t.Errorf("the switch shows a secret, %s: %q", form, text)
			}
			if found := g.sh(fmt.Sprintf("grep -rlaF -e '%s' %s || true", text, filepath.Join("/var/lib/hostctl/generations"))); form != "base64" && found != "" {
				t.Errorf("a secret is kept, %s, in %s", form, found)
			}
		}
	}
}
