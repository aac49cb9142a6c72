package lsp

// flakeNames is what flake.hcl can contain, by block; "" is its top (language rule 24).
func flakeNames() map[string][]string {
	return map[string][]string{
		"":              {"description", "modules", "input", "args", "template", "host", "export"},
		"input":         {"url", "flake", "follows", "components", "keyring"},
		"template":      {"modules", "args"},
		"host":          {"system", "template", "modules", "args"},
		"export":        {"modules", "templates", "packages"},
		"args":          {},
		"host.args":     {},
		"template.args": {},
	}
}

// flakeFile completes in flake.hcl.
func (c *completion) flakeFile() {
	block := ""
	for _, l := range c.cursor.levels[1:] {
		if l.kind != body {
			break
		}
		if block != "" {
			block += "."
		}
		block += l.name
	}
	if c.cursor.naming() && c.cursor.top().kind == body {
		for _, name := range flakeNames()[block] {
			c.flakeName(name, block == "")
		}
		return
	}
	key := c.flakeKey()
	switch {
	case c.cursor.quoted() && key == "template" && c.view != nil:
		c.words(kindVariable, "template", c.flake.Templates()...)
	case c.cursor.quoted() && key == "system":
		c.words(kindValue, "", "amd64", "arm64")
	case c.cursor.quoted() && (key == "modules" || block == "export"):
		c.modules()
	case !c.cursor.quoted() && len(c.cursor.steps) == 0 && c.cursor.top().value:
		c.words(kindVariable, "", "args", "input", "host")
	case !c.cursor.quoted() && c.result != nil && len(c.cursor.steps) > 0 && c.view != nil:
		c.traversal(c.cursor.steps)
	}
}

// flakeKey is the argument of the innermost block around the cursor.
func (c *completion) flakeKey() string {
	key := ""
	for _, l := range c.cursor.levels {
		if l.kind == body {
			key = l.key
		}
	}
	return key
}

func (c *completion) flakeName(name string, top bool) {
	item := completionItem{Label: name, Kind: kindProperty, InsertTextFormat: snippetFormat}
	insert := name + " = $0"
	switch {
	case name == "modules":
		insert = "modules = [\"$0\"]"
	case name == "args" || top && name == "export":
		item.Kind, insert = kindModule, name+" {\n  $0\n}"
	case top && (name == "input" || name == "template" || name == "host"):
		item.Kind, insert = kindModule, name+" \"$1\" {\n  $0\n}"
	}
	c.add(item, insert)
}
