package login

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

const sudoers = "/etc/sudoers"

// Admins are the accounts that sudoers(5) lets run any command, by byte order.
// Root is not among them.
func Admins(files Files, accounts Accounts) ([]string, error) {
	r := rules{aliases: map[string][]string{}}
	if err := r.read(files, sudoers, 0); err != nil {
		return nil, err
	}
	var out []string
	for name := range accounts.Users {
		if name != "root" && r.covers(r.who, name, accounts.groupsOf(name), 0) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// rules are the users who may run any command, as sudoers names them, and the
// aliases in these names.
type rules struct {
	who     []string
	aliases map[string][]string
}

const deepest = 128 // sudo's own limit of includes in includes

func (r *rules) read(files Files, name string, depth int) error {
	b, err := files.Read(name)
	if err != nil || depth > deepest {
		return err
	}
	remark := regexp.MustCompile(`\s#(?:[^0-9].*)?$`) // what "#" and a number name is a user
	text := strings.ReplaceAll(string(b), "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(remark.ReplaceAllString(strings.TrimSpace(line), ""))
		word, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		rest = strings.Trim(rest, ` "`)
		switch {
		case word == "@include" || word == "#include":
			err = r.read(files, below(rest), depth+1)
		case word == "@includedir" || word == "#includedir":
			err = r.readAll(files, below(rest), depth)
		case line == "" || line[0] == '#' || strings.HasPrefix(word, "Defaults"):
		case word == "User_Alias" || word == "Runas_Alias":
			for alias := range strings.SplitSeq(rest, ":") {
				name, members, _ := strings.Cut(alias, "=")
				r.aliases[strings.TrimSpace(name)] = names(members)
			}
		case strings.HasSuffix(word, "_Alias"):
		default:
			r.rule(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readAll reads a folder of rules as sudo does: no names with a dot or a tilde
// at the end.
func (r *rules) readAll(files Files, dir string, depth int) error {
	entries, err := files.Names(dir)
	if err != nil {
		return err
	}
	for _, name := range entries {
		if strings.Contains(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		if err := r.read(files, path.Join(dir, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// rule accepts "who host = (as whom) commands" if the commands are ALL, and they
// may run as root.
func (r *rules) rule(line string) {
	left, right, ok := strings.Cut(line, "=")
	if before, after, found := strings.Cut(right, ")"); found {
		right = after
		_, as, _ := strings.Cut(before, "(")
		as, _, _ = strings.Cut(as, ":")
		if whom := names(as); slices.Contains(whom, "!root") || !slices.Contains(whom, "#0") && !r.covers(whom, "root", nil, 0) {
			return
		}
	}
	all := slices.ContainsFunc(strings.Split(right, ","), func(command string) bool {
		return strings.TrimSpace(command[strings.LastIndex(command, ":")+1:]) == "ALL" // after its tags
	})
	if !ok || !all {
		return
	}
	for strings.Contains(left, ", ") || strings.Contains(left, " ,") {
		left = strings.NewReplacer(", ", ",", " ,", ",").Replace(left)
	}
	if who := strings.Fields(left); len(who) > 0 {
		r.who = append(r.who, names(who[0])...)
	}
}

func (r *rules) covers(who []string, name string, groups []string, depth int) bool {
	return depth < deepest && slices.ContainsFunc(who, func(w string) bool {
		group, isGroup := strings.CutPrefix(w, "%")
		return w == name || w == "ALL" || isGroup && slices.Contains(groups, group) ||
			r.aliases[w] != nil && r.covers(r.aliases[w], name, groups, depth+1)
	})
}

// names splits a list at its commas.
func names(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.Trim(name, " \t\""); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// below is the path of a file that sudoers names; a relative one is below /etc.
func below(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(sudoers), name)
}
