package secret

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/spec"
)

// render puts values where text has {{secret:NAME}} or {{secret:NAME|ESCAPER}},
// the form in which the language writes a secret's placeholder.
func render(text string, values map[string]string, declared map[string]spec.Secret) (string, error) {
	var wrong []error
	out := regexp.MustCompile(`\{\{secret:([^{}|]+)(?:\|([^{}|]*))?\}\}`).ReplaceAllStringFunc(text, func(found string) string {
		name, escaper, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(found, "{{secret:"), "}}"), "|")
		value, ok := values[name]
		if !ok {
			if _, known := declared[name]; !known {
				wrong = append(wrong, fmt.Errorf("it uses secret %q, which is not declared%s", name, nearest(name, sortedKeys(declared))))
			}
			return "" // a declared one without a value is a problem already reported
		}
		escaped, err := escape(value, escaper)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("secret %q: %w", name, err))
		}
		return escaped
	})
	return out, errors.Join(wrong...)
}

// escape makes value safe at the place of its placeholder: inside double
// quotes for json, in text or an attribute for xml, as a word of its own for
// shell.
func escape(value, escaper string) (string, error) {
	switch escaper {
	case "":
		return value, nil
	case "json":
		return quoted(value)
	case "xml":
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;").Replace(value), nil
	case "shell":
		return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'", nil
	default:
		return "", fmt.Errorf("there is no escaper %q: use json, xml, shell or none", escaper)
	}
}

// quoted is the inside of a JSON string. TOML and YAML, whose writers use the
// same escaper, read it the same, but TOML wants DEL escaped as well.
func quoted(value string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "", err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return strings.ReplaceAll(text[1:len(text)-1], "\x7f", `\u007f`), nil
}
