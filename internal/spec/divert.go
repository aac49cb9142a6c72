package spec

import "path"

// Diverts reports whether a change of the file at p, in these fields, makes paths
// below p lead elsewhere, or nowhere: a link is removed or gets another target, or
// something else replaces a folder.
func Diverts(p string, fields []Field) bool {
	for _, f := range fields {
		switch {
		case f.Name == "type" && (f.Before == string(Symlink) || f.Before == string(Directory) && f.After != ""),
			f.Name == "target" && f.Before != "" && leads(p, f.Before) != leads(p, f.After):
			return true
		}
	}
	return false
}

// Diverted are the files whose change in the plan makes paths below them lead
// elsewhere.
func (p *Plan) Diverted() map[string]bool {
	out := map[string]bool{}
	for _, c := range p.Of(KindFile) {
		out[c.ID.Name] = Diverts(c.ID.Name, c.Fields)
	}
	return out
}

// leads is the path that a link at p names.
func leads(p, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(path.Dir(p), target)
}

// Below reports whether one of the folders of p is in the set.
func Below(p string, set map[string]bool) bool {
	for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if set[dir] {
			return true
		}
	}
	return false
}
