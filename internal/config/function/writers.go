package function

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/hostctl/hostctl/internal/config/option"
)

// writeOptions are the options in the second argument of a writer.
type writeOptions struct {
	separator string // between key and value
	quote     bool   // values are written in double quotes
	words     bool   // bools are written as true and false, not as yes and no
	doctype   string // of XML, without <!DOCTYPE and >
}

// writerFunc makes a function of a writer: data, and a map of options. Keys
// are sorted, a list repeats its key, null leaves a key out (language rule 18).
func writerFunc(escaper string, write func(cty.Value, writeOptions) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "data", Type: cty.DynamicPseudoType, AllowMarked: true}},
		VarParam: &function.Parameter{Name: "options", Type: cty.DynamicPseudoType},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			data, marks := args[0].UnmarkDeep()
			if !data.IsWhollyKnown() {
				return cty.UnknownVal(cty.String).WithMarks(marks), nil
			}
			o, err := readWriteOptions(args[1:])
			if err != nil {
				return cty.NilVal, err
			}
			s, err := write(data, o)
			escaper := escaper
			if o.quote {
				escaper = "json"
			}
			if escaper != "" {
				s = escapeSecrets(s, args[0], escaper)
			}
			return cty.StringVal(s).WithMarks(marks), err
		},
	})
}

func readWriteOptions(args []cty.Value) (writeOptions, error) {
	o := writeOptions{}
	if len(args) == 0 {
		return o, nil
	}
	if len(args) > 1 || !args[0].Type().IsObjectType() {
		return o, errors.New("a writer takes data and one map of options")
	}
	for it := args[0].ElementIterator(); it.Next(); {
		k, v := it.Element()
		switch {
		case k.AsString() == "separator" && v.Type() == cty.String && !v.IsNull():
			o.separator = v.AsString()
		case k.AsString() == "quote" && v.Type() == cty.Bool && !v.IsNull():
			o.quote = v.True()
		case k.AsString() == "doctype" && v.Type() == cty.String && !v.IsNull():
			o.doctype = v.AsString()
		default:
			return o, fmt.Errorf("the options of a writer are separator and doctype (strings) and quote (a bool), not %q", k.AsString())
		}
	}
	return o, nil
}

func entries(v cty.Value) ([]string, map[string]cty.Value, error) {
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return nil, nil, errors.New("expected a map")
	}
	m := v.AsValueMap()
	return slices.Sorted(maps.Keys(m)), m, nil
}

// writeKeyValue writes lines of key, separator and value. The separator option
// sets the separator; sshd_config, for example, takes a space.
func writeKeyValue(v cty.Value, o writeOptions) (string, error) {
	keys, m, err := entries(v)
	if err != nil {
		return "", err
	}
	if o.separator == "" {
		o.separator = " "
	}
	var b strings.Builder
	for _, k := range keys {
		if err := writeLines(&b, k, m[k], o); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func writeLines(b *strings.Builder, key string, v cty.Value, o writeOptions) error {
	if v.IsNull() {
		return nil
	}
	vals := []cty.Value{v}
	if t := v.Type(); t.IsTupleType() || t.IsListType() || t.IsSetType() {
		vals = v.AsValueSlice()
	}
	for _, one := range vals {
		s, err := o.atom(one)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if o.quote {
			s = strconv.Quote(s)
		}
		if strings.ContainsAny(s, "\n\r") {
			return fmt.Errorf("%s: the value contains a line break, which this format does not allow", key)
		}
		b.WriteString(key + o.separator + s + "\n")
	}
	return nil
}

// atom is a scalar as configuration files write it.
func (o writeOptions) atom(v cty.Value) (string, error) {
	if v.Type() == cty.Bool && !v.IsNull() && !o.words {
		if v.True() {
			return "yes", nil
		}
		return "no", nil
	}
	return scalarText(v)
}

func scalarText(v cty.Value) (string, error) {
	if v.Type() == cty.Bool && !v.IsNull() {
		return strconv.FormatBool(v.True()), nil
	}
	if s, ok := option.KeyString(v); ok {
		return s, nil
	}
	return "", fmt.Errorf("expected a string, a number or a bool, got %s", option.Text(v))
}

// writeINI writes sections of key = value. Keys outside any section come first.
func writeINI(v cty.Value, o writeOptions) (string, error) {
	keys, m, err := entries(v)
	if err != nil {
		return "", err
	}
	if o.separator == "" {
		o.separator = "="
	}
	o.words = true // as systemd and glib write them
	var head, b strings.Builder
	for _, k := range keys {
		section := m[k]
		if !section.IsNull() && (section.Type().IsObjectType() || section.Type().IsMapType()) {
			if err := writeSection(&b, k, section, o); err != nil {
				return "", err
			}
			continue
		}
		if repeated(section) {
			for _, one := range section.AsValueSlice() {
				if err := writeSection(&b, k, one, o); err != nil {
					return "", err
				}
			}
			continue
		}
		if err := writeLines(&head, k, section, o); err != nil {
			return "", err
		}
	}
	return strings.TrimPrefix(head.String()+b.String(), "\n"), nil
}

// repeated reports a list of sections, which all have the same name.
func repeated(v cty.Value) bool {
	if v.IsNull() || !v.Type().IsTupleType() && !v.Type().IsListType() || v.LengthInt() == 0 {
		return false
	}
	return slices.ContainsFunc(v.AsValueSlice(), func(e cty.Value) bool { return e.Type().IsObjectType() || e.Type().IsMapType() })
}

func writeSection(b *strings.Builder, name string, v cty.Value, o writeOptions) error {
	keys, m, err := entries(v)
	if err != nil {
		return fmt.Errorf("section %s: %w", name, err)
	}
	b.WriteString("\n[" + name + "]\n")
	for _, k := range keys {
		if err := writeLines(b, k, m[k], o); err != nil {
			return fmt.Errorf("section %s: %w", name, err)
		}
	}
	return nil
}

// writeTOML writes TOML 1.0: values of a table before its subtables, lists
// of maps as arrays of tables.
func writeTOML(v cty.Value, _ writeOptions) (string, error) {
	var b strings.Builder
	err := tomlTable(&b, nil, v)
	return strings.TrimPrefix(b.String(), "\n"), err
}

func tomlTable(b *strings.Builder, at []string, v cty.Value) error {
	keys, m, err := entries(v)
	if err != nil {
		return err
	}
	var tables []string
	for _, k := range keys {
		e := m[k]
		switch {
		case e.IsNull():
		case e.Type().IsObjectType() || e.Type().IsMapType() || repeated(e):
			tables = append(tables, k)
		default:
			s, err := tomlValue(e)
			if err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
			b.WriteString(tomlKey(k) + " = " + s + "\n")
		}
	}
	for _, k := range tables {
		path := append(slices.Clip(at), tomlKey(k))
		subs, brackets := []cty.Value{m[k]}, "[%s]"
		if repeated(m[k]) {
			subs, brackets = m[k].AsValueSlice(), "[[%s]]"
		}
		for _, sub := range subs {
			fmt.Fprintf(b, "\n"+brackets+"\n", strings.Join(path, "."))
			if err := tomlTable(b, path, sub); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
	}
	return nil
}

func tomlKey(k string) string {
	bare := k != "" && !strings.ContainsFunc(k, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if bare {
		return k
	}
	return tomlString(k)
}

func tomlValue(v cty.Value) (string, error) {
	t := v.Type()
	switch {
	case t == cty.String && !v.IsNull():
		return tomlString(v.AsString()), nil
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		var parts []string
		for _, e := range v.AsValueSlice() {
			s, err := tomlValue(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, s)
		}
		return "[" + strings.Join(parts, ", ") + "]", nil
	}
	return scalarText(v)
}

// tomlString is a basic string. Placeholders of secrets get the escaper of JSON
// strings, whose escapes are valid in TOML.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
