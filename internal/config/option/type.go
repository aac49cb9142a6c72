package option

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Kind is the outermost constructor of a type.
type Kind string

// The kinds of type, by the name that the language gives them.
const (
	Bool        Kind = "bool"
	Number      Kind = "number"
	String      Kind = "string"
	FilePath    Kind = "path"
	Port        Kind = "port"
	PortRange   Kind = "port_range"
	Size        Kind = "size"
	Duration    Kind = "duration"
	Mode        Kind = "mode"
	Lines       Kind = "lines"
	SecretRef   Kind = "secret_ref"
	PackageRef  Kind = "package_ref"
	PublicKey   Kind = "ssh_public_key"
	UserName    Kind = "user_name"
	GroupName   Kind = "group_name"
	PackageName Kind = "package_name"
	UnitName    Kind = "unit_name"
	HostName    Kind = "host_name"
	Data        Kind = "any"
	Enum        Kind = "enum"
	List        Kind = "list"
	Set         Kind = "set"
	Map         Kind = "map"
	Object      Kind = "object"
	Optional    Kind = "optional"
	OneOf       Kind = "one_of"
)

// Type says which values an option takes and how its definitions merge.
type Type struct {
	Kind  Kind
	Elem  *Type           // of list, set, map and optional
	Attrs map[string]Type // of object
	Words []string        // of enum
	Alts  []Type          // of one_of
}

func (t Type) String() string {
	var args []string
	switch t.Kind {
	case Enum:
		for _, w := range t.Words {
			args = append(args, fmt.Sprintf("%q", w))
		}
	case OneOf:
		for _, a := range t.Alts {
			args = append(args, a.String())
		}
	case Object:
		for _, name := range sortedKeys(t.Attrs) {
			args = append(args, name+" = "+t.Attrs[name].String())
		}
		return "object({" + strings.Join(args, ", ") + "})"
	case List, Set, Map, Optional:
		args = []string{t.Elem.String()}
	default:
		return string(t.Kind)
	}
	return string(t.Kind) + "(" + strings.Join(args, ", ") + ")"
}

// Holds reports whether values of t contain values of kind k, outside one_of.
func (t Type) Holds(k Kind) bool {
	if t.Kind == k || t.Elem != nil && t.Elem.Holds(k) {
		return true
	}
	for _, a := range t.Attrs {
		if a.Holds(k) {
			return true
		}
	}
	return false
}

// Cty is the type of the option's value in an expression. A list whose elements
// may differ in type has no type in advance.
func (t Type) Cty() cty.Type {
	switch t.Kind {
	case Bool:
		return cty.Bool
	case Number, Port:
		return cty.Number
	case String, FilePath, PortRange, Size, Duration, Mode, Lines, SecretRef, PackageRef, PublicKey, UserName, GroupName, PackageName, UnitName, HostName, Enum:
		return cty.String
	case Optional:
		return t.Elem.Cty()
	case List, Set:
		if e := t.Elem.Cty(); !e.HasDynamicTypes() {
			return cty.List(e)
		}
	case Map:
		if e := t.Elem.Cty(); !e.HasDynamicTypes() {
			return cty.Map(e)
		}
	case Object:
		attrs := map[string]cty.Type{}
		for name, a := range t.Attrs {
			attrs[name] = a.Cty()
		}
		if o := cty.Object(attrs); !o.HasDynamicTypes() {
			return o
		}
	}
	return cty.DynamicPseudoType
}

// ParseType reads a type expression as syntax. It never evaluates it.
func ParseType(expr hcl.Expression) (Type, hcl.Diagnostics) {
	if kw := hcl.ExprAsKeyword(expr); kw != "" {
		k := Kind(kw)
		switch k {
		case Bool, Number, String, FilePath, Port, PortRange, Size, Duration, Mode, Lines, SecretRef, PackageRef, PublicKey, UserName, GroupName,
			PackageName, UnitName, HostName, Data:
			return Type{Kind: k}, nil
		case List, Set, Map, Optional:
			return Type{}, typeError(expr, fmt.Sprintf("%s needs the type of its elements: %s(string).", kw, kw))
		}
		return Type{}, typeError(expr, fmt.Sprintf("%q is not a type.%s", kw, typeHint(kw)))
	}
	call, diags := hcl.ExprCall(expr)
	if diags.HasErrors() {
		return Type{}, typeError(expr, "A type is a name without quotes, such as string, or a call such as list(string).")
	}
	return parseCall(expr, call)
}

func parseCall(expr hcl.Expression, call *hcl.StaticCall) (Type, hcl.Diagnostics) {
	t := Type{Kind: Kind(call.Name)}
	switch t.Kind {
	case Enum:
		for _, a := range call.Arguments {
			v, diags := a.Value(nil)
			if diags.HasErrors() || v.Type() != cty.String || v.IsNull() {
				return t, typeError(a, "enum takes strings.")
			}
			t.Words = append(t.Words, v.AsString())
		}
		return t, nil
	case OneOf:
		for _, a := range call.Arguments {
			alt, diags := ParseType(a)
			if diags.HasErrors() {
				return t, diags
			}
			t.Alts = append(t.Alts, alt)
		}
		return t, nil
	case List, Set, Map, Optional:
		if len(call.Arguments) != 1 {
			return t, typeError(expr, call.Name+" takes one type.")
		}
		elem, diags := ParseType(call.Arguments[0])
		t.Elem = &elem
		return t, diags
	case Object:
		return parseObject(expr, call)
	}
	return t, typeError(expr, fmt.Sprintf("%q is not a type.%s", call.Name, typeHint(call.Name)))
}

func parseObject(expr hcl.Expression, call *hcl.StaticCall) (Type, hcl.Diagnostics) {
	t := Type{Kind: Object, Attrs: map[string]Type{}}
	if len(call.Arguments) != 1 {
		return t, typeError(expr, "object takes its attributes: object({ name = string }).")
	}
	pairs, diags := hcl.ExprMap(call.Arguments[0])
	if diags.HasErrors() {
		return t, typeError(call.Arguments[0], "object takes its attributes: object({ name = string }).")
	}
	for _, pair := range pairs {
		name := hcl.ExprAsKeyword(pair.Key)
		if name == "" {
			return t, typeError(pair.Key, "An attribute's name is an identifier.")
		}
		attr, diags := ParseType(pair.Value)
		if diags.HasErrors() {
			return t, diags
		}
		t.Attrs[name] = attr
	}
	return t, nil
}

func typeHint(name string) string {
	if hint := DidYouMean(name, typeNames()); hint != "" {
		return hint
	}
	return " The types are " + strings.Join(typeNames(), ", ") + "."
}

func typeNames() []string {
	return []string{"bool", "number", "string", "path", "port", "port_range", "size", "duration", "mode", "lines", "secret_ref",
		"package_ref", "ssh_public_key", "user_name", "group_name", "package_name", "unit_name", "host_name", "any", "enum", "list", "set", "map", "object", "optional", "one_of"}
}

func typeError(expr hcl.Expression, detail string) hcl.Diagnostics {
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Invalid type", Detail: detail, Subject: expr.Range().Ptr(),
	}}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Reserved are the names that a block body reserves (language rule 6).
func Reserved(name string, top bool) bool {
	switch name {
	case "when", "for_each", "each", "self":
		return true
	case "config", "option", "locals", "imports", "assert", "warn", "function", "moved":
		return top
	}
	return false
}

// identifier reports whether a key can be a name in a block body.
func identifier(key string) bool { return hclsyntax.ValidIdentifier(key) }
