package account

import (
	"bytes"
	"maps"
	"strings"
)

// Passwords keeps the passwords of accounts that are deleted and come back: a
// password belongs to the user, and a recorded one may have been revoked since.
// Saved has the shadow(5) lines of deleted accounts, by name. The result adds those
// that next no longer has, and accounts that next has again get their last line.
// Both contain password hashes and are for root only.
func Passwords(live, next Files, saved map[string]string) (Files, map[string]string) {
	was, is := shadowLines(live), shadowLines(next)
	kept := maps.Clone(saved)
	if kept == nil {
		kept = map[string]string{}
	}
	for name, line := range was {
		if _, stays := is[name]; !stays {
			kept[name] = line
		}
	}
	var shadow bytes.Buffer
	for line := range bytes.Lines(next[Shadow]) {
		name, _, _ := strings.Cut(string(line), ":")
		last, known := saved[name]
		if _, lived := was[name]; known && !lived {
			line = []byte(last)
		}
		shadow.Write(line)
	}
	out := maps.Clone(next)
	out[Shadow] = shadow.Bytes()
	return out, kept
}

func shadowLines(f Files) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(f[Shadow]) {
		if name, _, ok := strings.Cut(string(line), ":"); ok {
			out[name] = string(line)
		}
	}
	return out
}
