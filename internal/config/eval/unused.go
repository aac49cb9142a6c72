package eval

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/internal/spec"
)

// checkSecrets warns of each secret that nothing visibly uses. A secret is used if
// a file's content contains it, an account has it as password, it restarts a unit,
// its path is anywhere in the spec or in a copied file, or it names its owner: an
// owner that is written down, even root, is who reads it. A path that is put
// together on the host is invisible, so if a text names the folder without a
// secret, all secrets count as used.
func (e *evaluator) checkSecrets(h *spec.Host) {
	unused := map[string]bool{}
	for name, s := range h.Secrets {
		p := option.Path{string(spec.KindSecret), name}
		if len(s.RestartUnits) == 0 && !e.isSaid(p.With("owner")) && !e.isSaid(p.With("group")) {
			unused[name] = true
		}
	}
	for _, u := range h.Users {
		delete(unused, u.PasswordSecret)
	}
	for _, f := range h.Files {
		for _, name := range f.Secrets {
			delete(unused, name)
		}
	}
	if len(unused) == 0 || !e.dropNamed(h, unused) {
		return
	}
	byPlace := map[hcl.Range][]string{} // one block can make many
	for _, name := range sortedKeys(unused) {
		if at := e.entryRange(option.Path{string(spec.KindSecret), name}); at != nil {
			byPlace[*at] = append(byPlace[*at], name)
		}
	}
	for at, names := range byPlace {
		e.report(hcl.Diagnostics{{
			Severity: hcl.DiagWarning, Summary: "Unused secret", Subject: &at,
			Detail: fmt.Sprintf("Nothing on this host uses %s: no file contains it, it is nobody's password, it restarts no unit and no text names its path below /run/secrets. "+
				"Remove it, or say who reads it: owner = \"ada\", or owner = \"root\".", strings.Join(names, ", ")),
		}})
	}
}

// isSaid reports whether anything but the library defines an option.
func (e *evaluator) isSaid(p option.Path) bool {
	c := e.leafAt(p)
	if c == nil {
		return true // its mistake was reported
	}
	d := c.winner()
	return d != nil && d.Source.Layer != option.Library
}

// dropNamed removes from unused what the host's texts name by its path. It
// reports whether it could read all of them.
func (e *evaluator) dropNamed(h *spec.Host, unused map[string]bool) bool {
	canonical, err := h.Canonical()
	if err != nil {
		return false
	}
	texts := [][]byte{canonical}
	for _, f := range h.Files {
		if source, ok := e.sources[f.Digest]; f.FromBlob() && ok {
			b, err := source.Read(tree.MaxData)
			if err != nil || spec.Sum(b) != f.Digest {
				return false
			}
			texts = append(texts, b)
		}
	}
	for _, text := range texts {
		for _, folder := range []string{path.Dir(spec.Secret{}.Path("x")), path.Dir(spec.Secret{NeededForUsers: true}.Path("x"))} {
			for _, named := range namedBelow(text, folder) {
				if named == "" {
					return false
				}
				delete(unused, named)
			}
		}
	}
	return true
}

// namedBelow are the paths below a folder that text names. "" is the folder
// itself, or a path whose next part is not a literal name, such as $name.
func namedBelow(text []byte, folder string) []string {
	var names []string
	for {
		at := bytes.Index(text, []byte(folder))
		if at < 0 {
			return names
		}
		text = text[at+len(folder):]
		end := 0
		for end < len(text) && isNameByte(text[end]) {
			end++
		}
		rest := string(text[:end])
		if below, ok := strings.CutPrefix(rest, "/"); ok {
			names = append(names, strings.TrimRight(below, "/."))
		} else if rest == "" || rest == "." {
			names = append(names, "")
		}
	}
}

func isNameByte(b byte) bool {
	return b == '/' || b == '-' || b == '_' || b == '.' || b == '@' ||
		'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}
