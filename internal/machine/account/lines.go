package account

import "strings"

// Key names a line of one file: an entry by its first field, any other line by its
// whole text. N counts lines with the same name.
type Key struct {
	Entry bool   `json:"entry"`
	Text  string `json:"text"`
	N     int    `json:"n,omitempty"`
}

// line is one line of a file, without its end.
type line struct {
	key  Key
	text string
}

// fieldCount is how many fields an entry of each file has. Lines of subuid(5)
// and subgid(5) are not edited, only added and removed: an account may have
// several, and nothing but the whole line names one.
func fieldCount(path string) int {
	return map[string]int{Passwd: 7, Group: 4, Shadow: 9, GShadow: 4}[path]
}

// parse splits a file into named lines. A missing newline at the end of the
// file makes no difference: every tool that writes these files adds it.
func parse(path string, content []byte) []line {
	if len(content) == 0 {
		return nil
	}
	var out []line
	seen := map[Key]int{}
	for _, text := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		key := Key{Text: text}
		if f := strings.Split(text, ":"); isEntry(f, fieldCount(path)) {
			key = Key{Entry: true, Text: f[0]}
		}
		n := seen[key]
		seen[key]++
		key.N = n
		out = append(out, line{key, text})
	}
	return out
}

func format(lines []line) []byte {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// byKey indexes lines by their names.
func byKey(lines []line) map[Key]int {
	out := make(map[Key]int, len(lines))
	for i, l := range lines {
		out[l.key] = i
	}
	return out
}

// isList says which fields are sets of names rather than values.
func isList(path string, field int) bool {
	return path == Group && field == 3 || path == GShadow && (field == 2 || field == 3)
}

// isUsers says which fields only the user, or root by hand, may change, and never
// a spec: passwords and everything about their age.
func isUsers(path string, field int) bool { return path == Shadow || field == 1 }
