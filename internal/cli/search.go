package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/library"
)

// search is one question to the options.
type search struct {
	options  []eval.OptionDoc
	meanings []library.Meaning
	words    []string // of the question
	fill     bool     // it has words other than fillers, which are what counts
}

func newSearch(options []eval.OptionDoc, question string) search {
	words := wordsOf(question)
	return search{
		options: options, meanings: library.Meanings(), words: words,
		fill: slices.ContainsFunc(words, func(w string) bool { return !filler(w) }),
	}
}

// hit is an option that answers, the better the more points it has.
type hit struct {
	eval.OptionDoc
	points int
}

// The points of a word of the question, by where an option has it.
const (
	inText        = 1  // as a part of a word of the description
	inDescription = 3  // as a word of it
	inPath        = 5  // as a part of the path
	ofPath        = 8  // as a word of it
	lastOfPath    = 10 // and of its last element
	meant         = 20 // by a phrase of which it is a word; less where the option is not its likeliest
	exactly       = 1000
)

// best are the options that have every word of the question, or are meant by
// it, the likeliest first; note is what to know besides.
func (s search) best() (found []eval.OptionDoc, note string) {
	points := s.meantPoints()
	var hits []hit
	for _, o := range s.options {
		if n := s.points(o, points[o.Path]); n > 0 {
			hits = append(hits, hit{o, n})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.points, a.points), cmp.Compare(strings.Count(a.Path, "."), strings.Count(b.Path, ".")), strings.Compare(a.Path, b.Path))
	})
	found = []eval.OptionDoc{}
	for _, h := range hits {
		found = append(found, h.OptionDoc)
	}
	if len(found) > 0 {
		note = s.note(found[0].Path)
	}
	return found, note
}

// meantPoints are, for each option that a phrase in the question means, the
// points of each word of the question.
func (s search) meantPoints() map[string][]int {
	out := map[string][]int{}
	for _, m := range s.meanings {
		from, length := s.phrase(m)
		if length == 0 {
			continue
		}
		for rank, path := range m.Options {
			if out[path] == nil {
				out[path] = make([]int, len(s.words))
			}
			for i := from; i < from+length; i++ {
				out[path][i] = max(out[path][i], meant-min(rank, meant-lastOfPath))
			}
			if length == len(s.words) {
				out[path][0] = exactly - rank
			}
		}
	}
	return out
}

// phrase is where in the question the longest phrase of a meaning stands, however
// its words are parted: time zone, timezone, time_zone.
func (s search) phrase(m library.Meaning) (from, length int) {
	for _, p := range m.Phrases {
		joined := strings.Join(wordsOf(p), "")
		for i := range s.words {
			for j := i + length + 1; j <= len(s.words); j++ {
				if strings.Join(s.words[i:j], "") == joined {
					from, length = i, j-i
				}
			}
		}
	}
	return from, length
}

// points are those of an option, 0 where a word leads nowhere.
func (s search) points(o eval.OptionDoc, meant []int) int {
	path, description := wordsOf(o.Path), wordsOf(o.Description)
	last := wordsOf(o.Path[strings.LastIndex(o.Path, ".")+1:])
	flat, text := strings.Join(path, ""), strings.ToLower(o.Description)
	sum, matched := 0, false
	for i, w := range s.words {
		n := 0
		switch {
		case meant != nil && meant[i] > 0:
			n = meant[i]
		case slices.Contains(last, w):
			n = lastOfPath
		case slices.Contains(path, w):
			n = ofPath
		case strings.Contains(flat, w):
			n = inPath
		case slices.Contains(description, w):
			n = inDescription
		case strings.Contains(text, w):
			n = inText
		}
		switch {
		case s.fill && filler(w):
			// it narrows nothing, and by itself it is no answer
		case n == 0:
			return 0
		default:
			matched = true
		}
		sum += n
	}
	if !matched && !slices.ContainsFunc(meant, func(n int) bool { return n > 0 }) {
		return 0
	}
	return sum
}

// note is that of the meaning whose phrase says most of the question, if what
// it means is the best answer.
func (s search) note(best string) string {
	note, most := "", 0
	for _, m := range s.meanings {
		if _, length := s.phrase(m); length > most && slices.Contains(m.Options, best) {
			note, most = m.Note, length
		}
	}
	return strings.ReplaceAll(note, "`", "")
}

// filler reports whether a word of a question says what one wants to do, and not
// with what, or is a number: the value that one has in mind.
func filler(w string) bool {
	return strings.Trim(w, "0123456789") == "" || slices.Contains(strings.Fields("a an the my to of in on for by at with and or is i do how can set setup configure config add install enable use change make create manage define new option setting file no yes true false"), w)
}

// wordsOf are the words of a text, in lower case and without the s of a plural.
func wordsOf(text string) []string {
	words := rawWords(text)
	for i, w := range words {
		if len(w) > 3 && !strings.HasSuffix(w, "ss") {
			words[i] = strings.TrimSuffix(w, "s")
		}
	}
	return words
}

func rawWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// nothing says what to do where no option answers.
func (s search) nothing(question string) error {
	var known []string
	for _, w := range rawWords(question) {
		if found, _ := newSearch(s.options, w).best(); len(found) > 0 && !filler(w) {
			known = append(known, w)
		}
	}
	next := ""
	if near := s.near(question); near != "" {
		next = fmt.Sprintf("; did you mean %q?", near)
	} else if len(known) > 0 {
		next = fmt.Sprintf("; 'hostctl options search %s' finds some", known[0])
	}
	return fmt.Errorf("cannot find an option that speaks of %q%s\n'hostctl options' lists all. What has no option of its own is written out: packages = [\"NAME\"], file \"/etc/NAME.conf\" { content = ... } and unit \"NAME.service\" { enabled = true }", question, next)
}

// near is the question with the word, of a path or of a phrase, that a misspelt
// one of it means, if that has an answer.
func (s search) near(question string) string {
	known := map[string]bool{}
	for _, o := range s.options {
		for _, w := range rawWords(o.Path) {
			known[w] = true
		}
	}
	for _, m := range s.meanings {
		for _, p := range m.Phrases {
			words := rawWords(p)
			for _, w := range append(words, strings.Join(words, "")) {
				known[w] = true
			}
		}
	}
	names, words := sortedKeys(known), rawWords(question)
	for i, w := range words {
		if near := option.Nearest(w, names); near != "" && !known[w] {
			words[i] = near
		}
	}
	meant := strings.Join(words, " ")
	if found, _ := newSearch(s.options, meant).best(); len(found) == 0 {
		return ""
	}
	return meant
}
