package library

import "strings"

// Meaning maps phrases to the options that people mean by them, likeliest first.
type Meaning struct {
	Options []string
	Phrases []string
	Note    string // what the options alone do not say, with `code`; may be ""
}

// Meanings returns the entries of synonyms.txt, which describes its own format.
func Meanings() []Meaning {
	text, err := files.ReadFile("synonyms.txt")
	if err != nil {
		panic(err) // it is embedded
	}
	var out []Meaning
	for line := range strings.Lines(string(text)) {
		inner, indented := strings.CutPrefix(line, "  ")
		switch inner = strings.TrimSpace(inner); {
		case inner == "" || strings.HasPrefix(inner, "#"):
		case !indented:
			out = append(out, Meaning{Options: strings.Fields(inner)})
		case strings.HasPrefix(inner, "|"):
			out[len(out)-1].Note = strings.TrimSpace(inner[1:])
		default:
			for phrase := range strings.SplitSeq(inner, ",") {
				m := &out[len(out)-1]
				m.Phrases = append(m.Phrases, strings.TrimSpace(phrase))
			}
		}
	}
	return out
}
