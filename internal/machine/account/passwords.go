package account

import (
	"bytes"
	"maps"
	"strings"
)

// Passwords follows accounts that go and come back: a user's password is the
// user's, and a recorded one may have been revoked since. Saved holds the
// shadow(5) lines of accounts that are gone, by name; the result adds those
// that next no longer has, and gives accounts that next has again the line
// that they had last. Both hold password hashes and are for root alone.
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
