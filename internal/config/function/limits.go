package function

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/meter"
)

// maxDepth is how deep decoded data may nest, as files of the language do.
const maxDepth = 200

// estimates say before a call how much it would produce, in the units of Budget,
// for functions whose result can be many times their arguments. What an estimate
// cannot read, it leaves to the function.
func estimates() map[string]func(args []cty.Value) int {
	return map[string]func(args []cty.Value) int{
		"replace": func(a []cty.Value) int {
			old := text(a, 1)
			if _, ok := between(old); ok {
				return (len(text(a, 0)) + 1) * (len(text(a, 2)) + strings.Count(text(a, 2), "$"))
			}
			return strings.Count(text(a, 0), old) * len(text(a, 2))
		},
		"substitute": func(a []cty.Value) int {
			values, _ := a[1].Unmark()
			total := 0
			if values.IsKnown() && !values.IsNull() && values.CanIterateElements() {
				for it := values.ElementIterator(); it.Next(); {
					k, v := it.Element()
					total += strings.Count(text(a, 0), "@"+text([]cty.Value{k}, 0)+"@") * len(text([]cty.Value{v}, 0))
				}
			}
			return total
		},
		"join": func(a []cty.Value) int {
			items := 0
			for i := 1; i < len(a); i++ {
				items += count(a, i)
			}
			return items * len(text(a, 0))
		},
		"indent": func(a []cty.Value) int { return strings.Count(text(a, 1), "\n") * whole(a, 0) },
		"format": formatted,
		"formatlist": func(a []cty.Value) int {
			longest := 1
			for i := range a {
				longest = max(longest, count(a, i))
			}
			return longest * (formatted(a) + len(text(a, 0)))
		},
		"setproduct": func(a []cty.Value) int {
			product := meter.ElementSize
			for i := range a {
				if product *= count(a, i); product > meter.Budget {
					break
				}
			}
			return product * len(a)
		},
		"split": func(a []cty.Value) int { return meter.ElementSize * (strings.Count(text(a, 1), text(a, 0)) + 1) },
		"regexall": func(a []cty.Value) int {
			return meter.ElementSize * len(text(a, 1)) * (strings.Count(text(a, 0), "(") + 1)
		},
		"csvdecode": func(a []cty.Value) int {
			return meter.ElementSize * (strings.Count(text(a, 0), ",") + strings.Count(text(a, 0), "\n"))
		},
		"jsondecode": func(a []cty.Value) int { return meter.ElementSize * jsonValues(text(a, 0)) },
		"yamldecode": yamlSize,
		"jsonencode": escaped, "yamlencode": escaped, "toml": escaped, "xml": escaped,
	}
}

// between is the regular expression of replace().
func between(pattern string) (string, bool) {
	inner, ok := strings.CutPrefix(pattern, "/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inner, "/")
}

// formatted is the size of a format's verbs, each with its width and the longest
// of the arguments, which a verb may name more than once.
func formatted(a []cty.Value) int {
	longest := 0
	for _, v := range a[1:] {
		longest = max(longest, meter.SizeOf(v, meter.Budget))
	}
	return min(widths(text(a, 0))+strings.Count(text(a, 0), "%")*longest, meter.Budget+1)
}

// escaped is the size of the text in a value if each character takes six.
func escaped(a []cty.Value) int { return 6 * textIn(a[0], meter.Budget) }

// textIn is the length of all text in v; it stops counting above limit.
func textIn(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	switch {
	case v.IsNull() || !v.IsKnown():
		return 0
	case v.Type() == cty.String:
		return len(v.AsString())
	case !v.CanIterateElements():
		return 0
	}
	size := 0
	for it := v.ElementIterator(); it.Next() && size <= limit; {
		_, e := it.Element()
		size += textIn(e, limit-size)
	}
	return size
}

// manyDigits matches a number, as a word of JSON or YAML, whose digits would fill
// the memory if written out.
var manyDigits = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s\[,:{-])[-+]?[0-9][0-9_.]*[eE][-+]?[0-9]{5,}(?:$|[\s\],}])`)
})

// maxDigits is the longest text that may be read as a number.
const maxDigits = 4096

// fewDigits refuses texts whose number has more digits than any number needs, by
// their length or by their exponent.
func fewDigits(exponent *regexp.Regexp) condition {
	return func(args []cty.Value) error {
		if s := text(args, 0); len(s) > maxDigits || exponent != nil && exponent.MatchString(s) {
			return fmt.Errorf("a number can have at most %d digits", maxDigits)
		}
		return nil
	}
}

// jsonValues counts the values and the ends of objects in a JSON text. A number
// with too many digits counts as too much.
func jsonValues(s string) int {
	if manyDigits().MatchString(s) {
		return meter.Budget
	}
	n, quoted := 1, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{' || c == '}'):
			n++
		}
	}
	return n
}

// yamlSize counts what an alias stands for each time the alias occurs. The types
// of a document share what its aliases share, so counting takes no memory.
func yamlSize(a []cty.Value) int {
	s := text(a, 0)
	// Merges copy values one by one.
	if merges := strings.Count(s, "<<"); merges*len(s) > 1<<31 {
		return meter.Budget + 1
	}
	marks := 0
	for _, mark := range []string{",", "[", "{", "\n- ", "- - ", ": ", ":\n", "? "} {
		marks += strings.Count(s, mark)
	}
	if marks > meter.Budget/meter.ElementSize || manyDigits().MatchString(s) {
		return meter.Budget + 1
	}
	t, err := yaml.Standard.ImpliedType([]byte(s))
	if err != nil {
		return 0 // yamldecode reports it
	}
	return meter.ElementSize * typesIn(t, meter.Budget/meter.ElementSize)
}

// typesIn counts the types in t; it stops counting above limit.
func typesIn(t cty.Type, limit int) int {
	n := 1
	switch {
	case t.IsTupleType():
		for _, e := range t.TupleElementTypes() {
			if n > limit {
				break
			}
			n += typesIn(e, limit-n)
		}
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			if n > limit {
				break
			}
			n += typesIn(e, limit-n)
		}
	}
	return n
}

// A regular expression takes memory for every state, and time for every state and
// character of the text.
const (
	maxStates  = 50_000
	maxMatches = 1 << 30
)

// matchable refuses regular expressions that take long to compile or to match.
// pattern is the argument with the expression, text the one it is matched with.
func matchable(pattern func([]cty.Value) (string, bool), in int) condition {
	return func(args []cty.Value) error {
		p, ok := pattern(args)
		if !ok {
			return nil
		}
		re, err := syntax.Parse(p, syntax.Perl)
		if err != nil {
			return nil // the function reports it
		}
		n := states(re)
		if n > maxStates {
			return fmt.Errorf("the regular expression has more than %d states with its repetitions written out", maxStates)
		}
		if size := len(text(args, in)); size > maxMatches/n {
			return fmt.Errorf("a regular expression with %d states takes too long on a text of %d bytes: the product can be at most %d", n, size, maxMatches)
		}
		return nil
	}
}

// states is about the size of the compiled regular expression.
func states(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		n = min(n+states(sub), maxStates+1)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}

// text is the i-th argument, "" if it is not a known string.
func text(args []cty.Value, i int) string {
	if i < len(args) {
		if v, _ := args[i].Unmark(); v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			return v.AsString()
		}
	}
	return ""
}

func count(args []cty.Value, i int) int {
	v, _ := args[i].Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return 1
	}
	return v.LengthInt()
}

func whole(args []cty.Value, i int) int {
	v, _ := args[i].Unmark()
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return int(min(max(n, 0), meter.Budget+1))
}

// widths is the sum of the numbers in the verbs of a format.
func widths(format string) int {
	total := 0
	for _, n := range regexp.MustCompile(`[0-9]+`).FindAllString(format, -1) {
		w, err := strconv.Atoi(n)
		if err != nil {
			return meter.Budget + 1
		}
		total += min(w, meter.Budget+1)
	}
	return total
}

// bounded refuses a call that would produce more than a host may.
func bounded(estimate func([]cty.Value) int) condition {
	return func(args []cty.Value) error {
		if size := estimate(args); size > meter.Budget || size < 0 {
			return fmt.Errorf("its result would exceed the limit of %d MB for all values of a host", meter.Budget>>20)
		}
		return nil
	}
}

// condition is a check before a call.
type condition func(args []cty.Value) error

// shallow refuses data whose nesting would overflow the decoder's stack: by
// brackets, by indentation, and by the dashes of nested lists.
func shallow(args []cty.Value) error {
	tooDeep := fmt.Errorf("the data nests more than %d levels deep", maxDepth)
	depth := 0
	for line := range strings.Lines(text(args, 0)) {
		rest := strings.TrimLeft(line, " \t-?:")
		if len(line)-len(rest) > 2*maxDepth {
			return tooDeep
		}
		for _, c := range rest {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > maxDepth {
				return tooDeep
			}
		}
	}
	return nil
}
