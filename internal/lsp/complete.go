package lsp

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/option"
)

// completion collects the items for one place.
type completion struct {
	*request
	cursor *cursor
	result *eval.Result
	items  []completionItem
}

func (q *request) complete() completionList {
	c := &completion{request: q, cursor: cursorAt(q.text.src, q.offset), result: q.hostOf(q.path), items: []completionItem{}}
	switch {
	case c.inFlake():
		c.flakeFile()
	case c.result != nil:
		c.module()
	}
	return completionList{Items: c.items}
}

// inFlake reports whether the file is a flake.hcl, which has its own schema.
func (q *request) inFlake() bool { return filepath.Base(q.path) == "flake.hcl" }

func (c *completion) module() {
	block, label := c.cursor.labelling()
	switch {
	case label:
		c.labels(block)
	case c.cursor.quoted():
		c.inQuotes()
	case c.cursor.naming():
		c.names()
	case c.cursor.top().value:
		c.expression()
	}
}

// add offers insert, shown as label, for the word at the cursor.
func (c *completion) add(item completionItem, insert string) {
	item.TextEdit = &textEdit{Range: c.text.between(c.cursor.from, c.offset), NewText: insert}
	item.FilterText = item.Label
	if c.cursor.quoted() {
		item.FilterText = insert
	}
	if item.InsertTextFormat == snippetFormat && !c.snippets {
		item.InsertTextFormat, item.TextEdit.NewText = 0, item.Label
	}
	c.items = append(c.items, item)
}

// words offers plain words of one kind.
func (c *completion) words(kind int, detail string, words ...string) {
	for _, w := range words {
		c.add(completionItem{Label: w, Kind: kind, Detail: detail}, w)
	}
}

// names are the possible names of an item in a body or an object.
func (c *completion) names() {
	s := spotAt(c.result, c.cursor, false)
	top := c.cursor.top()
	switch {
	case s.block != "":
		c.words(kindKeyword, "", languageBlocks()[s.block]...)
		return
	case s.node == nil:
		return
	case s.typ != nil:
		c.attributes(*s.typ)
		if len(s.path) == len(s.node.Path) {
			c.keys(s)
		}
		return
	}
	if s.node.Entry != nil {
		c.words(kindVariable, "entry of "+s.path.String(), c.result.Keys(s.path)...)
		return
	}
	for _, name := range s.node.Names() {
		c.option(name, s.node.Children[name], top.kind == object)
	}
	if top.kind != body {
		return
	}
	if len(c.cursor.levels) == 1 {
		c.block("imports", "other modules", "imports = [\"$0\"]")
		c.block("locals", "names local to this file", "locals {\n  $0\n}")
		c.block("config", "definitions under a condition", "config {\n  when = $0\n}")
		c.block("function", "a function of this file", "function \"$1\" {\n  params = [$2]\n  result = $0\n}")
		c.block("moved", "a renamed option", "moved {\n  from = \"$1\"\n  to   = \"$0\"\n}")
		c.block("option", "declare an option", "option \"$1\" {\n  type        = $2\n  description = \"$0\"\n}")
		c.block("assert", "a check", "assert \"$1\" {\n  condition = $2\n  message   = \"$0\"\n}")
		c.block("warn", "a check that only warns", "warn \"$1\" {\n  condition = $2\n  message   = \"$0\"\n}")
		return
	}
	c.block("when", "the block applies only if this is true", "when = $0")
	c.block("for_each", "the block, once per element", "for_each = $0")
	if n := s.node.Path; len(n) > 0 && n[len(n)-1] == option.Any && len(top.labels) == 0 {
		c.block("name", "the entry's key", "name = $0")
	}
}

func (c *completion) block(name, detail, snippet string) {
	c.add(completionItem{Label: name, Kind: kindKeyword, Detail: detail, InsertTextFormat: snippetFormat, SortText: "~" + name}, snippet)
}

// languageBlocks are the arguments of the language's own blocks.
func languageBlocks() map[string][]string {
	return map[string][]string{
		"option":            {"type", "default", "description", "example", "read_only", "keys", "validation"},
		"option.validation": {"condition", "error_message"},
		"function":          {"params", "variadic_param", "result"},
		"moved":             {"from", "to", "message"},
		"assert":            {"condition", "message", "when", "for_each"},
		"warn":              {"condition", "message", "when", "for_each"},
	}
}

// option offers one child of a group.
func (c *completion) option(name string, n *option.Node, inObject bool) {
	switch {
	case n.IsOption():
		item := completionItem{Label: name, Kind: kindProperty, InsertTextFormat: snippetFormat}
		if d := c.result.Declaration(n); d != nil {
			item.Detail, item.Documentation = d.Type.String(), markdown(c.declared(d))
		}
		c.add(item, name+" = $0")
	case inObject:
		c.add(completionItem{Label: name, Kind: kindModule, Detail: c.kindOf(n), InsertTextFormat: snippetFormat}, name+" = {\n  $0\n}")
	case n.Entry != nil:
		c.add(completionItem{Label: name, Kind: kindModule, Detail: c.kindOf(n), InsertTextFormat: snippetFormat}, name+" \"$1\" {\n  $0\n}")
	default:
		c.add(completionItem{Label: name, Kind: kindModule, Detail: c.kindOf(n), InsertTextFormat: snippetFormat}, name+" {\n  $0\n}")
	}
}

func (c *completion) kindOf(n *option.Node) string {
	if n.Entry != nil {
		return "map of options"
	}
	return "group of options"
}

// attributes are the names in an object value.
func (c *completion) attributes(t option.Type) {
	switch t.Kind {
	case option.Object:
		for _, name := range slices.Sorted(maps.Keys(t.Attrs)) {
			c.add(completionItem{Label: name, Kind: kindField, Detail: t.Attrs[name].String(), InsertTextFormat: snippetFormat}, name+" = $0")
		}
	case option.Optional:
		c.attributes(*t.Elem)
	case option.OneOf:
		for _, alt := range t.Alts {
			c.attributes(alt)
		}
	}
}

// keys offers the keys that the map at s may have, or else those that it has.
func (c *completion) keys(s spot) {
	keys := c.result.AllowedKeys(s.node)
	if keys == nil {
		keys = c.result.Keys(s.path)
	}
	for _, k := range keys {
		insert := k
		if !hclsyntax.ValidIdentifier(k) {
			insert = fmt.Sprintf("%q", k)
		}
		c.add(completionItem{Label: k, Kind: kindField, Detail: "key of " + s.path.String()}, insert)
	}
}

// labels are the entries that a block of a map may define.
func (c *completion) labels(block string) {
	outer := *c.cursor
	outer.levels = outer.levels[:len(outer.levels)-1]
	s := spotAt(c.result, &outer, false)
	if s.node == nil || s.block != "" {
		return
	}
	if block == "option" {
		return
	}
	s.enter(c.result, block)
	if s.node != nil && s.node.Entry != nil {
		c.words(kindVariable, "entry of "+s.path.String(), c.result.Keys(s.path)...)
		if s.path.String() == "package" {
			c.packages()
		}
	}
}

// inQuotes offers paths and the words of enums.
func (c *completion) inQuotes() {
	if name, arg := c.cursor.calling(); name == "file" || name == "templatefile" {
		if arg == 0 {
			c.files(func(string) bool { return true })
		}
		return
	}
	if l := c.cursor.levels; len(l) > 2 && l[1].kind == list && l[0].key == "imports" {
		c.modules()
		return
	}
	s := spotAt(c.result, c.cursor, true)
	if s.typ == nil {
		return
	}
	if relative := strings.HasPrefix(c.cursor.word, "."); relative && has(*s.typ, option.FilePath, option.String) {
		c.files(func(string) bool { return true })
	}
	c.words(kindValue, s.typ.String(), enumWords(*s.typ)...)
	if has(*s.typ, option.PackageName, option.PackageRef) {
		c.packages()
	}
}

// modules offers what a list of modules can name.
func (c *completion) modules() {
	c.files(func(name string) bool { return filepath.Ext(name) == ".hcl" })
}

// files offers the entries of the folder that the typed path leads to.
func (c *completion) files(want func(name string) bool) {
	typed := c.cursor.word
	dir := typed[:strings.LastIndex(typed, "/")+1]
	if dir == "" {
		c.words(kindFolder, "", "./", "../")
		return
	}
	if filepath.IsAbs(dir) {
		return
	}
	folder := fileAt(c.workspace, filepath.Join(filepath.Dir(c.path), dir))
	names, err := folder.Names()
	if err != nil {
		return
	}
	for _, name := range names {
		isDir, err := folder.Join(name).IsDir()
		switch {
		case err != nil || strings.HasPrefix(name, "."):
		case isDir:
			c.add(completionItem{Label: name, Kind: kindFolder}, dir+name)
		case want(name) && filepath.Join(filepath.Dir(c.path), dir, name) != c.path:
			c.add(completionItem{Label: name, Kind: kindFile}, dir+name)
		}
	}
}

// expression offers what an expression can contain.
func (c *completion) expression() {
	if len(c.cursor.steps) > 0 {
		c.traversal(c.cursor.steps)
		return
	}
	if c.typeWords() {
		return
	}
	s := spotAt(c.result, c.cursor, true)
	if s.typ != nil {
		c.values(*s.typ)
	}
	c.words(kindVariable, "", "config", "args", "input", "local", "host", "each", "self")
	if s.node != nil {
		for _, m := range modifiers() {
			c.add(completionItem{Label: m, Kind: kindKeyword, Detail: "modifier", InsertTextFormat: snippetFormat, SortText: "~" + m}, m+"($0)")
		}
	}
	c.functions()
}

func (c *completion) functions() {
	details := map[string]string{}
	for name, f := range c.result.Functions(c.path) {
		details[name] = signature(name, f)
	}
	for name := range functionsOf(c.text.src) {
		if details[name] == "" {
			details[name] = "function of this file"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(details)) {
		c.add(completionItem{Label: name, Kind: kindFunction, Detail: details[name], InsertTextFormat: snippetFormat, SortText: "~" + name}, name+"($0)")
	}
}

// typeWords offers the types, if an option block needs one.
func (c *completion) typeWords() bool {
	l := c.cursor.levels
	if len(l) < 2 || l[1].name != "option" || l[1].key != "type" || !l[1].value {
		return false
	}
	c.words(kindKeyword, "type", "any", "bool", "duration", "enum", "group_name", "host_name", "lines", "list", "map", "mode", "number", "object", "one_of", "optional",
		"package_name", "package_ref", "path", "port", "port_range", "secret_ref", "set", "size", "ssh_public_key", "string",
		"unit_name", "user_name")
	return true
}

// values offers the literals of a type that has few.
func (c *completion) values(t option.Type) {
	if has(t, option.Bool) {
		c.words(kindValue, t.String(), "true", "false")
	}
	for _, w := range enumWords(t) {
		c.add(completionItem{Label: w, Kind: kindValue, Detail: t.String()}, fmt.Sprintf("%q", w))
	}
}

// has reports whether a value of type t can be of one of these kinds.
func has(t option.Type, kinds ...option.Kind) bool {
	switch t.Kind {
	case option.Optional:
		return has(*t.Elem, kinds...)
	case option.OneOf:
		return slices.ContainsFunc(t.Alts, func(alt option.Type) bool { return has(alt, kinds...) })
	}
	return slices.Contains(kinds, t.Kind)
}

func enumWords(t option.Type) []string {
	switch t.Kind {
	case option.Enum:
		return t.Words
	case option.Optional:
		return enumWords(*t.Elem)
	case option.OneOf:
		var out []string
		for _, alt := range t.Alts {
			out = append(out, enumWords(alt)...)
		}
		return out
	}
	return nil
}
