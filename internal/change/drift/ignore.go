package drift

import (
	_ "embed"
	"regexp"
	"strings"
)

// ignoreList is the file itself: one pattern and its reason a line.
//
//go:embed ignore.txt
var ignoreList string

// ignore is one pattern: ** is any text, * and ? stop at a slash, and a slash
// at the end means the folder and everything below it.
type ignore struct {
	class, pattern, reason string
	prefix                 string // up to the first wildcard
	match                  *regexp.Regexp
}

// IgnoreList is what Debian makes by itself: caches, generated files, and what
// daemons keep.
type IgnoreList []ignore

// Debian is the list that hostctl ships.
func Debian() IgnoreList {
	var out IgnoreList
	for line := range strings.Lines(ignoreList) {
		class, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if class == "" || strings.HasPrefix(class, "#") {
			continue
		}
		pattern, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
		out = append(out, compile(class, pattern, strings.TrimSpace(reason)))
	}
	return out
}

func compile(class, pattern, reason string) ignore {
	prefix := pattern
	if i := strings.IndexAny(prefix, "*?"); i >= 0 {
		prefix = prefix[:i]
	}
	text := regexp.QuoteMeta(strings.TrimSuffix(pattern, "/"))
	text = strings.NewReplacer(`\*\*`, `.*`, `\*`, `[^/]*`, `\?`, `[^/]`).Replace(text)
	if strings.HasSuffix(pattern, "/") {
		text += `(/.*)?`
	}
	return ignore{class, pattern, reason, strings.TrimSuffix(prefix, "/"), regexp.MustCompile("^" + text + "$")}
}

// The classes of patterns; ignore.txt says what they mean.
const (
	made     = "made"
	volatile = "volatile"
)

// volatile says whether a path is written again by itself.
func (l IgnoreList) volatile(path string) bool { return l.has(path, volatile) }

// somebodys says whether a path is on the list at all.
func (l IgnoreList) somebodys(path string) bool { return l.has(path, volatile) || l.has(path, made) }

func (l IgnoreList) has(path, class string) bool {
	for _, i := range l {
		if i.class == class && strings.HasPrefix(path, i.prefix) && i.match.MatchString(path) {
			return true
		}
	}
	return false
}
