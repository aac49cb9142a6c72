package report

import (
	"os"
	"strings"
)

// Capital starts a sentence, unless a name of the configuration starts it.
func Capital(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.ContainsAny(first, ":(./[@") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Sentence writes an error as the detail of a diagnostic. A sentence that starts
// with the name of an option keeps its spelling.
func Sentence(err error) string {
	s := err.Error()
	if strings.HasPrefix(s, "cannot ") {
		s = "C" + s[1:]
	}
	if strings.HasSuffix(s, "?") {
		return s
	}
	return strings.TrimSuffix(s, ".") + "."
}

// Underlying drops the path of this machine from an error.
func Underlying(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}
