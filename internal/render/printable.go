package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable escapes what would control the terminal or break the line: names and
// texts also come from files, processes and servers that anybody may own.
func Printable(s string) string {
	var f Filter
	return strings.ReplaceAll(string(append(f.Clean([]byte(s)), f.Rest()...)), "\n", `\x0a`)
}

// IsControl reports whether a character controls a terminal: those of C0 except
// the tab, DEL, those of C1, and those that change the direction of text.
func IsControl(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// Filter escapes the characters of IsControl except line ends, and every byte that
// is not UTF-8, in a text that comes in parts.
type Filter struct {
	JSON    bool // use the escapes of a JSON string
	Colours bool // let hostctl's own colours pass
	rest    []byte
}

// Clean returns the next part, without an incomplete character at its end, which
// the following part completes.
func (f *Filter) Clean(part []byte) []byte {
	if len(f.rest) == 0 && plain(part) {
		return part
	}
	text, out := append(f.rest, part...), make([]byte, 0, len(part)+16)
	for len(text) > 0 {
		if n := f.colour(text); n > 0 {
			out, text = append(out, text[:n]...), text[n:]
			continue
		}
		if !utf8.FullRune(text) || f.Colours && text[0] == '\x1b' && len(text) < longestColour && startsColour(text) {
			break
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, `\x%02x`, text[0])
		case r == '\n' || !IsControl(r):
			out = append(out, text[:n]...)
		case f.JSON:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = fmt.Appendf(out, `\x%02x`, r)
		}
		text = text[n:]
	}
	f.rest = append([]byte(nil), text...)
	return out
}

// Rest is what is left after the last part.
func (f *Filter) Rest() (out []byte) {
	for _, c := range f.rest {
		out = fmt.Appendf(out, `\x%02x`, c)
	}
	f.rest = nil
	return out
}

func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

const longestColour = len("\x1b[1;31m")

// colours are the ones that hostctl uses.
func colours() []string {
	return []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[1;33m"}
}

// colour is the length of the colour at the start of text; 0 for none.
func (f *Filter) colour(text []byte) int {
	if !f.Colours || text[0] != '\x1b' {
		return 0
	}
	for _, c := range colours() {
		if strings.HasPrefix(string(text[:min(len(text), longestColour)]), c) {
			return len(c)
		}
	}
	return 0
}

func startsColour(text []byte) bool {
	for _, c := range colours() {
		if strings.HasPrefix(c, string(text)) {
			return true
		}
	}
	return false
}

// Message is a text of hostctl's with texts of others in it: it has lines, and
// no colours.
func Message(text string) string {
	var f Filter
	return string(append(f.Clean([]byte(text)), f.Rest()...))
}
