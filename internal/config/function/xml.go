package function

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// writeXML writes a map with one key, the root element. Below it, a key is an
// element, a list repeats it, and a key that starts with @ is an attribute. The
// key "#" is a list of texts and maps of elements whose order matters. null leaves
// a key out.
func writeXML(v cty.Value, o writeOptions) (string, error) {
	keys, m, err := entries(v)
	if err != nil {
		return "", err
	}
	if len(keys) != 1 || isSequence(m[keys[0]]) {
		return "", errors.New("XML has one root element: expected a map with one key")
	}
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	if o.doctype != "" {
		b.WriteString("<!DOCTYPE " + o.doctype + ">\n")
	}
	if err := xmlElement(&b, keys[0], m[keys[0]], ""); err != nil {
		return "", err
	}
	return b.String(), nil
}

// xmlElements writes what one key stands for.
func xmlElements(b *strings.Builder, name string, v cty.Value, indent string) error {
	if v.IsNull() {
		return nil
	}
	if !isSequence(v) {
		return xmlElement(b, name, v, indent)
	}
	for _, one := range v.AsValueSlice() {
		if one.IsNull() {
			continue
		}
		if err := xmlElement(b, name, one, indent); err != nil {
			return err
		}
	}
	return nil
}

func xmlElement(b *strings.Builder, name string, v cty.Value, indent string) error {
	if !xmlName(name) {
		return fmt.Errorf("%q is not a valid XML element name", name)
	}
	b.WriteString(indent + "<" + name)
	if !isKeyed(v) {
		s, err := xmlText(v)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if s == "" {
			b.WriteString("/>\n")
		} else {
			b.WriteString(">" + s + "</" + name + ">\n")
		}
		return nil
	}
	keys, m, err := entries(v)
	if err != nil {
		return err
	}
	var body strings.Builder
	for _, k := range keys {
		if err := xmlEntry(b, &body, k, m[k], indent+"  "); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	switch text := body.String(); {
	case text == "":
		b.WriteString("/>\n")
	case strings.HasPrefix(text, indent+"  <") && strings.HasSuffix(text, ">\n"):
		b.WriteString(">\n" + text + indent + "</" + name + ">\n")
	default:
		b.WriteString(">" + text + "</" + name + ">\n")
	}
	return nil
}

// xmlEntry writes one key of an element, an attribute into its tag.
func xmlEntry(tag, body *strings.Builder, k string, v cty.Value, indent string) error {
	attribute, isAttribute := strings.CutPrefix(k, "@")
	switch {
	case v.IsNull():
		return nil
	case isAttribute:
		s, err := xmlText(v)
		if err == nil && !xmlName(attribute) {
			err = fmt.Errorf("%q is not a valid XML attribute name", attribute)
		}
		tag.WriteString(" " + attribute + `="` + s + `"`)
		return err
	case k != "#":
		return xmlElements(body, k, v, indent)
	case !isSequence(v):
		s, err := xmlText(v)
		body.WriteString(s)
		return err
	}
	for _, one := range v.AsValueSlice() {
		if !isKeyed(one) {
			s, err := xmlText(one)
			if err != nil {
				return err
			}
			body.WriteString(s)
			continue
		}
		keys, m, err := entries(one)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := xmlElements(body, key, m[key], indent); err != nil {
				return err
			}
		}
	}
	return nil
}

func isKeyed(v cty.Value) bool {
	return !v.IsNull() && (v.Type().IsObjectType() || v.Type().IsMapType())
}

func isSequence(v cty.Value) bool {
	return !v.IsNull() && (v.Type().IsTupleType() || v.Type().IsListType() || v.Type().IsSetType())
}

func xmlText(v cty.Value) (string, error) {
	s, err := scalarText(v)
	if err != nil {
		return "", err
	}
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			return "", fmt.Errorf("XML does not allow the character %U", r)
		}
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;").Replace(s), nil
}

// xmlName accepts the usual names, with letters of any language.
func xmlName(s string) bool {
	letter := func(r rune) bool {
		return r == '_' || r == ':' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0xc0
	}
	for i, r := range s {
		if !letter(r) && (i == 0 || r != '-' && r != '.' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}
