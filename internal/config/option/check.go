package option

import (
	"fmt"
	"math/big"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"
)

// checkScalar converts v to t, which is not a collection, if that loses nothing.
// v is known, unmarked and not null.
func checkScalar(t Type, v cty.Value) (cty.Value, error) {
	switch t.Kind {
	case Bool:
		return toBool(v)
	case Number:
		return toNumber(v)
	case Port:
		return toPort(v)
	case PackageRef:
		if v.Type().IsObjectType() && v.Type().HasAttribute("name") {
			v = v.GetAttr("name")
		}
		return toString(t, v)
	case Mode:
		if v.Type() != cty.String {
			mode := "0644"
			if n := numberText(v); v.Type() == cty.Number && len(n) == 3 {
				mode = "0" + n
			}
			return v, fmt.Errorf("a mode is a string of octal digits: write %q, since the number %s is %s", mode, mode, mode[1:])
		}
	case SecretRef:
		if v.Type() == cty.String && !strings.HasPrefix(v.AsString(), "/run/secrets") {
			return v, fmt.Errorf("expected a secret: write config.secret.NAME.path")
		}
	}
	s, err := toString(t, v)
	if err != nil {
		return v, err
	}
	switch t.Kind {
	case PublicKey:
		return checkPublicKey(s)
	case UserName, GroupName, PackageName, UnitName, HostName:
		return s, CheckName(t.Kind, s.AsString())
	}
	return s, checkText(t, s.AsString())
}

func toBool(v cty.Value) (cty.Value, error) {
	if v.Type() == cty.Bool {
		return v, nil
	}
	if v.Type() == cty.String && (v.AsString() == "true" || v.AsString() == "false") {
		return cty.BoolVal(v.AsString() == "true"), nil
	}
	return v, fmt.Errorf("expected a bool, got %s", Describe(v))
}

func toNumber(v cty.Value) (cty.Value, error) {
	if v.Type() == cty.Number && v.AsBigFloat().IsInf() {
		return v, fmt.Errorf("expected a number, got infinity, from a division by zero")
	}
	if v.Type() == cty.Number {
		return v, nil
	}
	if v.Type() == cty.String {
		if n, err := cty.ParseNumberVal(v.AsString()); err == nil && numberText(n) == v.AsString() {
			return n, nil
		}
	}
	return v, fmt.Errorf("expected a number, got %s", Describe(v))
}

func toPort(v cty.Value) (cty.Value, error) {
	n, err := toNumber(v)
	if err == nil {
		if i, acc := n.AsBigFloat().Int64(); acc == big.Exact && i >= 1 && i <= 65535 {
			return n, nil
		}
	}
	return v, fmt.Errorf("expected a port (1 to 65535), got %s", Describe(v))
}

func toString(t Type, v cty.Value) (cty.Value, error) {
	switch v.Type() {
	case cty.String:
		return v, nil
	case cty.Number:
		return cty.StringVal(numberText(v)), nil
	case cty.Bool:
		return cty.StringVal(strconv.FormatBool(v.True())), nil
	}
	return v, fmt.Errorf("expected %s, got %s", article(t), Describe(v))
}

var sizeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([KMGTP]i?B?|B|%)?$`)
})

var timeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]+(us|ms|s|sec|m|min|h|d|w|month|y)? ?)+$|^infinity$`)
})

func checkText(t Type, s string) error {
	ok := true
	switch t.Kind {
	case FilePath:
		ok = s != "" && !strings.ContainsRune(s, 0) && path.Clean(s) != "."
	case PortRange:
		ok = portRange(s)
	case Size:
		ok = sizeForm().MatchString(s)
	case Duration:
		ok = timeForm().MatchString(s)
	case Mode:
		ok = (len(s) == 3 || len(s) == 4) && strings.Trim(s, "01234567") == ""
	case Enum:
		if !slices.Contains(t.Words, s) {
			return fmt.Errorf("expected one of %s, got %q.%s", strings.Join(t.Words, ", "), s, DidYouMean(s, t.Words))
		}
	}
	if !ok {
		return fmt.Errorf("expected %s, got %q", article(t), s)
	}
	return nil
}

func portRange(s string) bool {
	from, to, found := strings.Cut(s, "-")
	a, errA := strconv.Atoi(from)
	b, errB := strconv.Atoi(to)
	return found && errA == nil && errB == nil && 1 <= a && a <= b && b <= 65535
}

func article(t Type) string {
	switch t.Kind {
	case PortRange:
		return `a range of ports such as "1714-1764"`
	case Size:
		return `a size such as "512M"`
	case Duration:
		return `a duration such as "90s"`
	case Mode:
		return `a mode such as "0644"`
	case Port:
		return "a port (1 to 65535)"
	case Optional:
		return article(*t.Elem)
	case OneOf:
		var alts []string
		for _, a := range t.Alts {
			alts = append(alts, article(a))
		}
		return strings.Join(alts, " or ")
	case Enum:
		var words []string
		for _, w := range t.Words {
			words = append(words, fmt.Sprintf("%q", w))
		}
		return strings.Join(words, " or ")
	case PackageRef, PackageName:
		return "the name of a package"
	case UserName:
		return "the name of an account"
	case GroupName, UnitName, HostName:
		return "the name of a " + nameOf(t.Kind)
	case SecretRef:
		return "a secret"
	case PublicKey:
		return `a public SSH key such as "ssh-ed25519 AAAA… me@laptop"`
	case Lines:
		return "text"
	case Data:
		return "a value"
	case List, Set:
		return "a list of " + several(*t.Elem)
	case Map:
		return "a map of " + several(*t.Elem)
	case Object:
		var attrs []string
		for _, name := range sortedKeys(t.Attrs) {
			attrs = append(attrs, name+": "+article(t.Attrs[name]))
		}
		return "an object with " + strings.Join(attrs, ", ")
	}
	return "a " + string(t.Kind)
}

// several names the elements of a list or map.
func several(t Type) string {
	switch t.Kind {
	case Bool, Number, String, FilePath, Port, Size, Duration, Mode:
		return string(t.Kind) + "s"
	case PortRange:
		return "ranges of ports"
	case PackageRef, PackageName:
		return "names of packages"
	case UserName:
		return "names of accounts"
	case GroupName, UnitName, HostName:
		return "names of " + nameOf(t.Kind) + "s"
	case SecretRef:
		return "secrets"
	case PublicKey:
		return "public SSH keys"
	case Data:
		return "values"
	case List, Set:
		return "lists of " + several(*t.Elem)
	case Map:
		return "maps of " + several(*t.Elem)
	case Optional:
		return several(*t.Elem)
	case OneOf:
		var alts []string
		for _, a := range t.Alts {
			alts = append(alts, several(a))
		}
		return strings.Join(alts, " and ")
	case Object:
		return strings.Replace(article(t), "an object", "objects", 1)
	}
	return article(t)
}

// Describe says what a value is, briefly enough for an error.
func Describe(v cty.Value) string {
	v, _ = v.UnmarkDeep()
	ty := v.Type()
	switch {
	case v.IsNull():
		return "null"
	case !v.IsKnown():
		return "an unknown value"
	case ty == cty.String:
		if s := v.AsString(); len(s) <= 60 {
			return fmt.Sprintf("the string %q", s)
		}
		return "a string"
	case ty == cty.Number:
		return "the number " + numberText(v)
	case ty == cty.Bool:
		return fmt.Sprintf("the bool %t", v.True())
	case isList(v):
		return "a list"
	case isMap(v):
		return "a map"
	}
	return ty.FriendlyName()
}

func isList(v cty.Value) bool {
	t := v.Type()
	return t.IsListType() || t.IsSetType() || t.IsTupleType()
}

func isMap(v cty.Value) bool { return v.Type().IsMapType() || v.Type().IsObjectType() }

func numberText(v cty.Value) string {
	f := v.AsBigFloat()
	if f.IsInt() {
		return f.Text('f', 0)
	}
	return f.Text('g', -1)
}
