package function

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// saysWhere improves a decoder's error: it names what is wrong with the text, and
// where.
func saysWhere(f function.Function, where func(text string, err error) error) function.Function {
	located := func(args []cty.Value, err error) error {
		if err == nil || !args[0].IsKnown() || args[0].IsNull() {
			return err
		}
		return where(args[0].AsString(), err)
	}
	return function.New(&function.Spec{
		Params: f.Params(),
		Type: func(args []cty.Value) (cty.Type, error) {
			t, err := f.ReturnTypeForValues(args)
			return t, located(args, err)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			return v, located(args, err)
		},
	})
}

// whereJSON reads the text again, with a decoder that counts bytes.
func whereJSON(text string, err error) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("the text is empty, which is not JSON: an empty object is {}")
	}
	d := json.NewDecoder(strings.NewReader(text))
	var v any
	again := d.Decode(&v)
	var syntax *json.SyntaxError
	switch {
	case again == nil:
		if rest := strings.TrimSpace(text[d.InputOffset():]); rest != "" {
			return fmt.Errorf("%s: the text goes on after the end of the JSON", position(text, len(text)-len(strings.TrimLeft(text[d.InputOffset():], " \t\r\n"))))
		}
		return err
	case errors.Is(again, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the text ends inside the JSON: a } or ] or a closing quote is missing", position(text, len(text)))
	case errors.As(again, &syntax):
		return fmt.Errorf("%s: %w", position(text, int(syntax.Offset)-1), again)
	}
	return err
}

// whereCSV adds what cty's decoder leaves out: how many fields there should be.
func whereCSV(text string, err error) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("the text is empty: its first line must name the columns")
	}
	r := csv.NewReader(strings.NewReader(text))
	header, first := r.Read()
	for again := first; ; _, again = r.Read() {
		var parse *csv.ParseError
		switch {
		case errors.Is(again, csv.ErrFieldCount) && errors.As(again, &parse):
			return fmt.Errorf("line %d: the first line names %d columns, and this line has a different number of fields", parse.Line, len(header))
		case errors.As(again, &parse):
			return fmt.Errorf("line %d, column %d: %w", parse.Line, parse.Column, parse.Err)
		case again != nil:
			return err
		}
	}
}

// whereYAML adds the place of a scan error, which go-cty-yaml loses: the first
// line up to which the text has the same mistake.
func whereYAML(text string, err error) error {
	lines := strings.SplitAfter(text, "\n")
	if strings.Contains(err.Error(), "cannot start any token") {
		for i, line := range lines {
			if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
				return fmt.Errorf("line %d: a tab cannot indent YAML: use spaces", i+1)
			}
		}
	}
	if strings.Contains(err.Error(), "on line") {
		return err
	}
	n := 1 + sort.Search(len(lines)-1, func(i int) bool {
		_, again := yaml.YAMLDecodeFunc.ReturnTypeForValues([]cty.Value{cty.StringVal(strings.Join(lines[:i+1], ""))})
		return again != nil && again.Error() == err.Error()
	})
	return fmt.Errorf("line %d: %w", n, err)
}

// position is the line and column of the byte at offset.
func position(text string, offset int) string {
	before := text[:max(0, min(offset, len(text)))]
	line := strings.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", strings.Count(before, "\n")+1, len([]rune(before[line:]))+1)
}
