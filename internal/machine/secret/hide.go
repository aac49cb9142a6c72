package secret

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const (
	// wholeWord is the largest size in bytes of a value that is hidden only as a whole
	// word: inside longer words it occurs by chance.
	wholeWord = 3
	// pieceBytes is how much of a line one pattern is about.
	pieceBytes = 256
)

// Hide replaces values of secrets in text, and lines of them, with placeholders,
// for the secrets that are or were installed. It finds a value as it is, in the
// form of an escaper of this language or of languages whose programs print it, in
// base64, also inside more base64, and in hex. It hides a value or line of up to
// three bytes only as a whole word, as it is.
func (i *Installed) Hide(text string) string {
	hiders := i.hiders()
	for k := range hiders {
		text = hiders[k].hide(text)
	}
	return text
}

// hider hides a piece of a secret. Its pattern is large, and made where the text
// has the head of the piece: a bundle of certificates has hundreds of lines.
type hider struct {
	name, text    string
	head, pattern *regexp.Regexp
}

// headRunes is how much of a piece its head is: fewer are in many texts.
const headRunes = 4

func (h *hider) hide(text string) string {
	if h.head == nil {
		h.head = patternOf(firstRunes(h.text, headRunes))
	}
	if len(h.text) > wholeWord && !h.head.MatchString(text) {
		return text
	}
	if h.pattern == nil {
		h.pattern = patternOf(h.text)
	}
	return h.pattern.ReplaceAllLiteralString(text, "{{secret:"+h.name+"}}")
}

func firstRunes(text string, most int) string {
	for at := range text {
		if most--; most < 0 {
			return text[:at]
		}
	}
	return text
}

// hiders are in the order in which they are to be used: a value can be part of
// another one.
func (i *Installed) hiders() []hider {
	if i.made != nil {
		return i.made
	}
	type piece struct{ text, name string }
	var pieces []piece
	for _, values := range []map[string]string{i.values, i.former} {
		for _, name := range sortedKeys(values) {
			for _, text := range piecesOf(values[name]) {
				pieces = append(pieces, piece{text, name})
			}
		}
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(len(b.text), len(a.text)) })
	pieces = slices.CompactFunc(pieces, func(a, b piece) bool { return a.text == b.text })
	for _, p := range pieces {
		i.made = append(i.made, hider{name: p.name, text: p.text})
	}
	return i.made
}

// piecesOf are the lines of a value, without the blanks around them. A value that
// is a single word of a few bytes counts, a short line of a longer value does not.
func piecesOf(value string) []string {
	if short := strings.TrimSpace(value); short != "" && len(short) <= wholeWord {
		return []string{short}
	}
	var out []string
	for line := range strings.SplitSeq(value, "\n") {
		line = strings.TrimSpace(line)
		for len(line) > pieceBytes+wholeWord {
			out, line = append(out, line[:pieceBytes]), line[pieceBytes:]
		}
		if len(line) > wholeWord {
			out = append(out, line)
		}
	}
	return out
}

func patternOf(text string) *regexp.Regexp {
	if len(text) <= wholeWord {
		return regexp.MustCompile(word(text))
	}
	forms := []string{escaped(text), inHex(text)}
	for before := range 3 {
		forms = append(forms, inBase64(text, before))
	}
	return regexp.MustCompile(strings.Join(forms, "|"))
}

func word(text string) string {
	edge := func(at byte) string {
		if at == '_' || at < 0x80 && (unicode.IsLetter(rune(at)) || unicode.IsDigit(rune(at))) {
			return `\b`
		}
		return ""
	}
	return edge(text[0]) + regexp.QuoteMeta(text) + edge(text[len(text)-1])
}

// escaped matches text with each of its characters as it is, or as an escaper
// writes it: with backslashes, more of them where what was escaped is escaped
// again (C, JSON, HCL, YAML, shell, regular expressions, systemd.syntax(7)), by
// its number (C, JSON, systemd-escape(1), URLs, XML), by a name, or twice
// (HCL's $${ and %%{, systemd's %% and $$, quotes of YAML and SQL).
func escaped(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		forms := []string{
			`\\*` + regexp.QuoteMeta(string(r)),
			fmt.Sprintf(`\\+(?i:u0*%04x|u\{0*%x\}|u0000%04x)`, r, r, r),
			fmt.Sprintf(`(?i:&(?:amp;)?#0*%d;|&(?:amp;)?#x0*%x;)`, r, r),
		}
		var url, hex, octal string
		for _, c := range []byte(string(r)) {
			url += fmt.Sprintf(`%%(?:25)?%02x`, c)
			hex += fmt.Sprintf(`\\+x%02x`, c)
			octal += fmt.Sprintf(`\\+%03o`, c)
		}
		forms = append(forms, `(?i:`+url+`|`+hex+`)`, octal)
		forms = append(forms, named(r)...)
		if r > 0xFFFF { // UTF-16, as JSON has it
			high, low := 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF
			forms = append(forms, fmt.Sprintf(`(?i:\\+u%04x\\+u%04x)`, high, low))
		}
		if r == unicode.ReplacementChar { // a byte that is not text: anything may represent it
			forms = []string{`(?:\\+x[0-9a-fA-F]{2}|\\+[0-7]{3}|%[0-9a-fA-F]{2}|\\+ufffd|.)`}
		}
		b.WriteString("(?:" + strings.Join(forms, "|") + ")")
	}
	return b.String()
}

// named are the forms of single characters that have one of their own.
func named(r rune) []string {
	switch r {
	case '&':
		return []string{`&(?:amp;)+`}
	case '<':
		return []string{`&(?:amp;)?lt;`}
	case '>':
		return []string{`&(?:amp;)?gt;`}
	case '"':
		return []string{`&(?:amp;)?quot;`, `""`}
	case '\'':
		return []string{`&(?:amp;)?apos;`, `''`, `'\\+''`, `'"'"'`}
	case '$':
		return []string{`\$\$`}
	case '%':
		return []string{`%%`}
	case ' ':
		return []string{`\+`}
	case '\t':
		return []string{`\\+t`}
	case '\r':
		return []string{`\\+r`}
	case '\\':
		return []string{`\\+`}
	case '-', '/': // systemd-escape(1)
		return []string{`-`}
	}
	return nil
}

// inHex matches the bytes of text in either case, also as hexdump(1) and
// certificates show them.
func inHex(text string) string {
	var b strings.Builder
	b.WriteString("(?i:")
	for i, c := range []byte(text) {
		if i > 0 {
			b.WriteString(`[: \n]?`)
		}
		fmt.Fprintf(&b, "%02x", c)
	}
	return b.String() + ")"
}

// inBase64 matches the bytes of text in either alphabet of RFC 4648, with the given
// number of bytes before them in a group of three: the characters that depend only
// on them, and their part of the characters on either side. base64(1) folds its
// lines.
func inBase64(text string, before int) string {
	first := []int{0, 2, 3}[before]
	bits := 8 * (before + len(text))
	all := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), text...))
	const any = `[A-Za-z0-9+/_-]`
	var b strings.Builder
	if before > 0 {
		b.WriteString(any + `?`)
	}
	for i, c := range all[first : bits/6] {
		if i > 0 {
			b.WriteString(`\n?`)
		}
		switch c {
		case '+':
			b.WriteString(`(?:[+-]|%2[Bb])`)
		case '/':
			b.WriteString(`(?:[/_]|%2[Ff])`)
		default:
			b.WriteRune(c)
		}
	}
	if bits%6 != 0 {
		b.WriteString(any + `?(?:=|%3[Dd])*`)
	}
	return b.String()
}

// valuesOf reads the values of a set that is installed. One that somebody has
// taken away cannot be printed either.
func valuesOf(root system.Root, m *manifest) map[string]string {
	values := map[string]string{}
	for name, s := range m.Secrets {
		if b, err := os.ReadFile(root.Path(s.Path(name))); err == nil {
			values[name] = string(b)
		}
	}
	return values
}
