package eval

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// tracer searches the options that a library expression reads for the user's line
// that caused what the expression makes. It runs after everything is evaluated.
type tracer struct {
	e     *evaluator
	mod   *module
	inst  *instance
	names map[string]bool // words that identify the thing
	depth int

	accept relation
	best   *cause
	score  int
}

// relation says how far from the thing a read may be to count as its cause.
type relation int

const (
	named    relation = iota // the keys of the path, an element or the value name the thing
	scalars                  // or one option, such as the switch in a for_each
	anything                 // or whatever the expression reads
)

// read is one path that an expression reads, as it is followed.
type read struct {
	node  *option.Node
	path  option.Path
	steps []step
	named int  // how many keys of the path name the thing
	other bool // a key belongs to another thing
}

// follow is the nearest cause among the reads of expr.
func (t *tracer) follow(expr hcl.Expression, accept relation) *cause {
	t.accept, t.best, t.score = accept, nil, -1
	t.reads(expr, 0)
	return t.best
}

func (t *tracer) reads(expr hcl.Expression, locals int) {
	for _, u := range t.e.fleet.references(expr).all {
		switch {
		case u.root == "config":
			t.walk(read{node: t.e.root, steps: u.steps})
		case u.root == "self" && t.inst.entry != nil && len(u.steps) > 0 && u.steps[0].name != "parent":
			t.walk(read{node: t.inst.entry, path: t.inst.path, steps: u.steps})
		case u.root == "local" && len(u.steps) > 0 && locals < maxSteps:
			if l := t.mod.locals[u.steps[0].name]; l != nil {
				t.reads(l.expr, locals+1)
			}
		}
	}
}

// offer takes a cause if it is nearer than the best so far, or as near and of a
// stronger layer; a library line only while there is no other.
func (t *tracer) offer(c *cause, score int) {
	switch {
	case c == nil || t.best.byUser() && !c.byUser():
	case c.byUser() && !t.best.byUser():
		t.best, t.score = c, score
	case score < t.score:
	case score > t.score:
		t.best, t.score = c, score
	default:
		t.best = stronger(t.best, c)
	}
}

func (t *tracer) walk(r read) {
	switch {
	case r.node.IsOption():
		t.leaf(r)
	case r.node.Entry != nil:
		t.entries(r)
	case len(r.steps) > 0 && r.node.Children[r.steps[0].name] != nil:
		name := r.steps[0].name
		r.node, r.path, r.steps = r.node.Children[name], r.path.With(name), r.steps[1:]
		t.walk(r)
	case len(r.path) > 0 && r.node.Path[len(r.node.Path)-1] == option.Any && !r.other:
		t.entry(r)
	}
}

// entries goes on below those entries of a map that are read; in a loop, below
// those that name the thing, if there are any.
func (t *tracer) entries(r read) {
	keys, some := t.keys(r)
	for _, key := range keys {
		next := r
		next.node, next.path = r.node.Entry, r.path.With(key)
		switch {
		case t.names[key]:
			next.named++
		case len(r.steps) == 0 || r.steps[0].any:
			next.other = true
		}
		if len(r.steps) > 0 {
			next.steps = r.steps[1:]
			t.walk(next)
		} else if some || t.accept == anything {
			t.entry(next)
		}
	}
}

// keys are the entries of a map to look at, and whether they name the thing.
func (t *tracer) keys(r read) ([]string, bool) {
	if len(r.steps) > 0 && !r.steps[0].any {
		return []string{r.steps[0].name}, false
	}
	c := t.e.keysCell(r.node, r.path)
	if c.state != resolved && !t.e.resolve(c, hcl.Range{}) {
		return nil, false
	}
	var some []string
	for _, key := range sortedKeys(t.names) {
		if _, ok := slices.BinarySearch(c.keys, key); ok {
			some = append(some, key)
		}
	}
	if len(some) > 0 {
		return some, true
	}
	return c.keys, false
}

func (t *tracer) entry(r read) {
	if r.named == 0 && t.accept != anything {
		return
	}
	last := len(r.path) - 1
	n, _ := t.e.root.Find(r.path[:last])
	t.offer(t.e.entryCause(n, r.path[:last], r.path[last], t.depth+1), 2*r.named)
}

// leaf offers the line that added the element that names the thing, or else, if
// the option as a whole may be the cause, the line that defines it.
func (t *tracer) leaf(r read) {
	c := t.e.leafCell(r.node, r.path)
	if c.state == busy || !t.e.resolve(c, hcl.Range{}) || c.bad {
		return
	}
	for _, key := range sortedKeys(t.names) {
		if p, ok := c.merged.Elements[key]; ok {
			why := t.e.cause(p.Def, p.Range, key, t.depth+1)
			if why == nil {
				why = &cause{def: p.Def, at: p.Range}
			}
			t.offer(why, 2*r.named+3)
		}
	}
	if s, ok := option.KeyString(c.merged.Value); ok && t.names[s] {
		t.offer(t.winners(c), 2*r.named+3)
		return
	}
	v, _ := c.merged.Value.Unmark()
	single := v.Type().IsPrimitiveType() && !v.IsNull()
	switch {
	case r.other && (t.accept != anything || !says(v)):
		return
	case r.named == 0 && (t.accept == named || t.accept == scalars && !single):
		return
	case len(c.merged.Elements) > 0 && t.accept != anything && r.named == 0:
		return
	}
	t.offer(t.winners(c), 2*r.named+1)
}

// says reports whether the value of an option can be the reason why something
// exists while others of its kind do not.
func says(v cty.Value) bool {
	switch {
	case v.IsNull():
		return false
	case v.Type() == cty.Bool:
		return v.True()
	case v.CanIterateElements():
		return v.LengthInt() > 0
	}
	return true
}

func (t *tracer) winners(c *cell) *cause {
	var best *cause
	for _, d := range c.defs {
		if d.Wins {
			best = stronger(best, t.e.cause(d, d.Range, "", t.depth+1))
		}
	}
	return best
}

// body searches the options of a block that makes an entry.
func (t *tracer) body() *cause {
	b := t.inst.block
	if b.name != nil {
		if c := t.follow(b.name, anything); c != nil {
			return c
		}
	}
	var best *cause
	for _, name := range b.entryOptions() {
		for _, d := range t.e.defs[b.entry.Children[name]].list() {
			if d.block == b && d.expr != nil {
				best = stronger(best, t.follow(d.expr, anything))
			}
		}
	}
	return best
}

func (b *block) entryOptions() []string {
	if b.entry == nil {
		return nil
	}
	return b.entry.Names()
}
