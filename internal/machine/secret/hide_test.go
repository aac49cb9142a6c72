package secret

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestHide(t *testing.T) {
	i := &Installed{
		values: map[string]string{"a": "hunter2", "key": "-----BEGIN-----\nabcdef\n}\n", "pin": "73", "long": "hunter2000"},
		former: map[string]string{"a": "correct horse", "gone": "battery"},
	}
	for in, want := range map[string]string{
		"password hunter2, hunter2000, line abcdef }": "password {{secret:a}}, {{secret:long}}, line {{secret:key}} }",
		"pin 73, 1730, (73)":                          "pin {{secret:pin}}, 1730, ({{secret:pin}})",
		"was correct horse, battery":                  "was {{secret:a}}, {{secret:gone}}",
		"nothing to hide":                             "nothing to hide",
	} {
		if got := i.Hide(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}

// Whatever an escaper makes of a value, nothing of it is left but punctuation
// around the placeholder.
func TestHideEscaped(t *testing.T) {
	for _, value := range []string{
		`pa"ss\wo'rd`, `a$b%c${d}%{e}`, "tab\there and cr\rthere", `<x a="1">&amp;y</x>`, "schlüssel→😀 end", `back\slash/and-dash.dot*[x]`,
		"\x01\x7f control \x1b[0m", "plain-and-simple", `"quoted"`, "postgres://user:p@ss/w?rd#1&x=y+z", `'single'`, "a`b;c|d",
	} {
		i := &Installed{values: map[string]string{"s": value}}
		for escaper, text := range escapes(t, value) {
			if got := i.Hide("<<" + text + ">>"); strings.Trim(strings.Replace(got, "{{secret:s}}", "", 1), `<>"'$\`) != "" {
				t.Errorf("%s of %q is %q, and becomes %q", escaper, value, text, got)
			}
		}
	}
}

func escapes(t *testing.T, value string) map[string]string {
	t.Helper()
	out := map[string]string{"none": value}
	for _, escaper := range []string{"json", "xml", "shell"} {
		text, err := escape(value, escaper)
		if err != nil {
			t.Fatal(err)
		}
		out["language's "+escaper] = text
	}
	again, err := escape(out["language's json"], "json")
	if err != nil {
		t.Fatal(err)
	}
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(value) }
	var octal, percent, unit strings.Builder
	for _, c := range []byte(value) {
		fmt.Fprintf(&octal, `\%03o`, c)
		fmt.Fprintf(&percent, `%%%02x`, c)
		if c == '/' {
			unit.WriteByte('-')
		} else if regexp.MustCompile(`[A-Za-z0-9:_.]`).Match([]byte{c}) {
			unit.WriteByte(c)
		} else {
			fmt.Fprintf(&unit, `\x%02x`, c)
		}
	}
	for escaper, text := range map[string]string{
		"json in json":        again,
		"ascii json":          strings.ReplaceAll(strconv.QuoteToASCII(value), `\x`, `\u00`),
		"json with slashes":   strings.ReplaceAll(out["language's json"], "/", `\/`),
		"json for html":       strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(out["language's json"]),
		"hcl":                 replace(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{", "\t", `\t`, "\r", `\r`),
		"go":                  strconv.Quote(value),
		"html":                html.EscapeString(value),
		"html twice":          html.EscapeString(html.EscapeString(value)),
		"url query":           url.QueryEscape(value),
		"url path":            url.PathEscape(value),
		"url, all of it":      percent.String(),
		"regular expression":  regexp.QuoteMeta(value),
		"sed":                 replace(`\`, `\\`, "/", `\/`, "&", `\&`),
		"yaml, single quotes": replace("'", "''"),
		"sql":                 replace("'", "''", `"`, `""`),
		"shell, double":       replace(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`"),
		"shell, mixed":        replace("'", `'"'"'`),
		"systemd":             replace(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\t", `\t`, "\r", `\r`),
		"systemd-escape":      unit.String(),
		"octal":               octal.String(),
		"hex":                 hex.EncodeToString([]byte(value)),
		"HEX":                 strings.ToUpper(hex.EncodeToString([]byte(value))),
		"hex with colons":     strings.Trim(regexp.MustCompile(`..`).ReplaceAllString(hex.EncodeToString([]byte(value)), "$0:"), ":"),
		"base64":              base64.StdEncoding.EncodeToString([]byte(value)),
		"base64 for URLs":     base64.URLEncoding.EncodeToString([]byte(value)),
		"raw base64":          base64.RawStdEncoding.EncodeToString([]byte(value)),
		"base64 in a URL":     url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(value))),
	} {
		out[escaper] = text
	}
	return out
}

// In a longer text that was encoded, at whatever place: what is left decodes to
// nothing of the value.
func TestHideWithinBase64(t *testing.T) {
	const value = "the-value-1"
	i := &Installed{values: map[string]string{"s": value}}
	for before := range 8 {
		for after := range 8 {
			whole := strings.Repeat("u", before) + value + strings.Repeat("p", after)
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				text := enc.EncodeToString([]byte(whole))
				got := i.Hide(text)
				left := strings.Replace(got, "{{secret:s}}", "", 1)
				if got == left || len(strings.Trim(left, "=")) > (before+after)*4/3+2 {
					t.Errorf("%d bytes before, %d after: %s becomes %s", before, after, text, got)
				}
			}
		}
	}
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", 50) + value + strings.Repeat("p", 50)))
	if got := i.Hide(long[:76] + "\n" + long[76:]); !strings.Contains(got, "{{secret:s}}") {
		t.Errorf("folded lines show it: %s", got)
	}
}

// Secrets are many and long, and what is printed is a few lines.
func TestHideTakesNoTime(t *testing.T) {
	values := map[string]string{}
	for n := range 50 {
		values[fmt.Sprint("key", n)] = strings.Repeat(strings.Repeat(fmt.Sprint(n), 64)[:64]+"\n", 30)
		values[fmt.Sprint("token", n)] = strings.Repeat(fmt.Sprintf("%d-token", n), 4)
	}
	values["blob"] = strings.Repeat("binary\x00\xff", 2000)
	began := time.Now()
	(&Installed{values: values}).Hide(strings.Repeat("May 01 10:00:00 host program[123]: some ordinary line of a log that says nothing\n", 30))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	} else {
		t.Log(took)
	}
}

// TestHideOfBundle: of a secret of many lines only those are looked for at length
// whose head is in the text.
func TestHideOfBundle(t *testing.T) {
	var lines []string
	for n := range 500 {
		lines = append(lines, fmt.Sprintf("%04d%060d", n, n))
	}
	i := &Installed{values: map[string]string{"bundle": strings.Join(lines, "\n")}}
	if got := i.Hide("it cannot read " + lines[7] + " in line 1"); got != "it cannot read {{secret:bundle}} in line 1" {
		t.Errorf("it says %q", got)
	}
	made := 0
	for _, h := range i.made {
		if h.pattern != nil {
			made++
		}
	}
	if made == 0 || made > 50 {
		t.Errorf("%d patterns of 500 were made", made)
	}
}
