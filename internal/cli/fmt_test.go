package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// fmt says of which files it changes the line ends, and --check and --json agree.
func TestFmtSaysLineEnds(t *testing.T) {
	t.Chdir(t.TempDir())
	writeTestFile(t, "flake.hcl", []byte("host \"h\" {}\n"))
	writeTestFile(t, "mixed.hcl", []byte("a = 1\r\nb = 2\n"))
	writeTestFile(t, "windows.hcl", []byte("a=1\r\nb = 2\r\n"))
	const both = "mixed.hcl had line ends of both kinds, CRLF and LF: all "
	for _, c := range []struct {
		line, stdin    string
		code           int
		stdout, stderr string
	}{
		{"fmt --check", "", exitUnformatted, "mixed.hcl\nwindows.hcl\n", both + "would become LF\n"},
		{"fmt --check --json", "", exitUnformatted, `"mixed_line_ends": [
    "mixed.hcl"
  ]`, ""},
		{"fmt -", "a = 1\r\nb = 2\n", exitOK, "a = 1\nb = 2\n", "stdin had line ends of both kinds, CRLF and LF: all are LF now\n"},
		{"fmt -", "a = 1\r\nb = 2\r\n", exitOK, "a = 1\r\nb = 2\r\n", ""},
		{"fmt", "", exitOK, "mixed.hcl\nwindows.hcl\n", both + "are LF now\n"},
		{"fmt --check", "", exitOK, "", ""},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(strings.Fields(c.line), strings.NewReader(c.stdin), &stdout, &stderr)
		same := stdout.String() == c.stdout || strings.Contains(c.line, "--json") && strings.Contains(stdout.String(), c.stdout)
		if code != c.code || !same || stderr.String() != c.stderr {
			t.Errorf("hostctl %s: exit code %d, %q, %q; want %d, %q, %q", c.line, code, stdout.String(), stderr.String(), c.code, c.stdout, c.stderr)
		}
	}
	for name, want := range map[string]string{"mixed.hcl": "a = 1\nb = 2\n", "windows.hcl": "a = 1\r\nb = 2\r\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
}
