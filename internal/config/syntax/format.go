package syntax

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format is a file in the canonical format: hclwrite's, without blank lines at
// either end. Its lines end with CRLF where all of them did, else with LF; mixed
// says that both were there. The file is kept in files for the snippets of what is
// wrong with it; one that does not parse is not formatted.
func Format(name string, src []byte, files map[string]*hcl.File) (made []byte, mixed bool, diags hcl.Diagnostics) {
	end := "\n"
	switch all, windows := bytes.Count(src, []byte("\n")), bytes.Count(src, []byte("\r\n")); {
	case windows > 0 && windows == all:
		end = "\r\n"
	case windows > 0:
		mixed = true
		src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	}
	file, diags := Parse(name, src)
	if file == nil {
		file = &hcl.File{Bytes: src}
	}
	files[name] = file
	if diags.HasErrors() {
		return nil, false, diags
	}
	made = bytes.TrimRight(bytes.TrimLeft(hclwrite.Format(src), "\r\n"), "\r\n \t")
	if len(made) == 0 {
		return nil, mixed, diags
	}
	return append(made, end...), mixed, diags
}
