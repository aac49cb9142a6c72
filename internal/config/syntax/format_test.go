package syntax

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// Line ends of one kind are kept; a file with both has LF alone.
func TestLineEnds(t *testing.T) {
	for _, c := range []struct {
		src, want string
		mixed     bool
	}{
		{"a=1\nlong = 2\n", "a    = 1\nlong = 2\n", false},
		{"a=1\r\nlong = 2\r\n", "a    = 1\r\nlong = 2\r\n", false},
		{"a=1\r\nlong = 2", "a    = 1\r\nlong = 2\r\n", false},
		{"a=1\r\nlong = 2\n", "a    = 1\nlong = 2\n", true},
		{"a=1\nlong = 2\r\n", "a    = 1\nlong = 2\n", true},
		{"a    = 1\nlong = 2\r\n", "a    = 1\nlong = 2\n", true},
		{"a = <<-EOT\n  x\r\n  EOT\n", "a = <<-EOT\n  x\n  EOT\n", true},
		{"# x\r\n/* y\n */\r\n", "# x\n/* y\n */\n", true},
		{"a=1", "a = 1\n", false},
		{"\r\n\n", "", true},
		{"\r\n", "", false},
	} {
		made, mixed, diags := Format("x.hcl", []byte(c.src), map[string]*hcl.File{})
		if diags.HasErrors() || string(made) != c.want || mixed != c.mixed {
			t.Errorf("%q becomes %q, mixed: %t (%v); want %q, %t", c.src, made, mixed, diags, c.want, c.mixed)
		}
		again, mixed, _ := Format("x.hcl", made, map[string]*hcl.File{})
		if string(again) != string(made) || mixed {
			t.Errorf("%q becomes %q, and that %q", c.src, made, again)
		}
	}
}
