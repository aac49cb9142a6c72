package option

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// unitTypes are the suffixes of systemd.unit(5).
const unitTypes = "service socket device mount automount swap target path timer slice scope"

// CheckName says why s is not a name of kind k, and proposes a name if it is
// clear which one was meant.
func CheckName(k Kind, s string) error {
	why := badName(k, s)
	if why == "" {
		return nil
	}
	return fmt.Errorf("%q is not a valid %s: %s.%s", s, strings.ReplaceAll(string(k), "_", " "), why, meant(k, s))
}

// badName says why s is not a name of kind k, or is "".
func badName(k Kind, s string) string {
	switch k {
	case UserName, GroupName:
		return badAccount(s)
	case PackageName:
		return badPackage(s)
	case UnitName:
		return badUnit(s)
	case HostName:
		return badHost(s)
	}
	return ""
}

// nameOf is the thing that a name of kind k names.
func nameOf(k Kind) string { return strings.TrimSuffix(string(k), "_name") }

// badAccount refuses what useradd(8) and groupadd(8) of every Debian refuse.
func badAccount(s string) string {
	switch {
	case s == "" || len(s) > 32:
		return "it must have 1 to 32 characters"
	case strings.ContainsAny(s[:1], "-+~.") || strings.ContainsAny(s, ":,/") || strings.ContainsFunc(s, NotGraphic):
		return "it must begin with a letter, and cannot contain blanks or : , /"
	case strings.Trim(s, "0123456789") == "":
		return "digits alone are an id"
	}
	return ""
}

// NotGraphic is true for blanks and control characters.
func NotGraphic(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

var packageName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]+(:[a-z0-9-]+)?$`)
})

// badPackage checks a name against Debian Policy 5.6.7. What follows a colon is an
// architecture.
func badPackage(s string) string {
	if packageName().MatchString(s) {
		return ""
	}
	if name, from, ok := strings.Cut(s, "/"); ok && badPackage(name) == "" && from != "" {
		return fmt.Sprintf(`to take a package from an input of flake.hcl, write package %q { from = "INPUT" }`, name)
	}
	if name, version, ok := strings.Cut(s, "="); ok && badPackage(name) == "" && version != "" {
		return fmt.Sprintf("versions come from hosts/NAME/packages.lock; write %q", name)
	}
	return "it must have at least two characters of a-z 0-9 . + -, and begin with a letter or a digit"
}

// badUnit checks a name against systemd.unit(5).
func badUnit(s string) string {
	i := strings.LastIndexByte(s, '.')
	suffix := s[i+1:]
	switch {
	case i < 0:
		return "it needs a suffix"
	case !IsWord(suffix, unitTypes):
		return fmt.Sprintf("%q is not a unit type; the types are %s", suffix, unitTypes)
	case len(s) > 255 || i == 0 || strings.ContainsFunc(s, notInUnit):
		return `systemd allows letters, digits and : - _ . \ @, at most 255 in all; systemd-escape(1) turns a path into a name`
	}
	return ""
}

// IsWord reports whether s is one of words, which blanks separate.
func IsWord(s, words string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == s {
			return true
		}
	}
	return false
}

func notInUnit(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(`:-_.\@`, r)
}

var dnsName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)([.][A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*[.]?$`)
})

// badHost is stricter than hosts(5) where that says nothing, and accepts the
// underscore, which many names contain.
func badHost(s string) string {
	if len(s) <= 253 && dnsName().MatchString(s) {
		return ""
	}
	return "it may contain letters, digits, hyphens and dots"
}

// meant is a sentence that proposes the name, or the names, that s is apart from
// blanks around it, commas, capitals and a suffix.
func meant(k Kind, s string) string {
	names := strings.FieldsFunc(s, func(r rune) bool {
		return r == ',' || r == ';' || r == ':' && k == GroupName || unicode.IsSpace(r) && k == PackageName
	})
	var quoted []string
	for _, name := range names {
		if name = strings.TrimSpace(name); badName(k, name) != "" && len(names) == 1 {
			name = strings.ToLower(name)
		}
		if k == UnitName && !strings.Contains(name, ".") {
			name += ".service"
		}
		if badName(k, name) != "" {
			return ""
		}
		quoted = append(quoted, fmt.Sprintf("%q", name))
	}
	switch {
	case len(quoted) == 1:
		return " Did you mean " + quoted[0] + "?"
	case len(quoted) > 1 && k != UserName:
		return " Did you mean several, " + strings.Join(quoted, ", ") + "?"
	}
	return ""
}
