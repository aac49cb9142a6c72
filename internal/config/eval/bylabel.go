package eval

import "iter"

// byLabel indexes what blocks say about the entries of a map by their labels. For
// one entry it finds, in order, what is in a block with its label or in one whose
// name only evaluation can tell. A map may consist of thousands of blocks.
type byLabel[T any] struct {
	all    []T
	labels map[string][]int // places in all
	others []int
	seen   int // how many of all are in labels or others
}

// grown is x with one more; x is nil before the first.
func (x *byLabel[T]) grown(v T) *byLabel[T] {
	if x == nil {
		x = &byLabel[T]{}
	}
	x.all = append(x.all, v)
	return x
}

// list is all, in order.
func (x *byLabel[T]) list() []T {
	if x == nil {
		return nil
	}
	return x.all
}

// few is how many items a plain search goes through: an index would cost more.
const few = 8

// about yields what may be about the entry of these keys, from the outermost
// map inwards. blockOf is the block that an element is in.
func (x *byLabel[T]) about(keys []string, blockOf func(T) *block) iter.Seq[T] {
	return func(yield func(T) bool) {
		if all := x.list(); len(all) <= few || len(keys) == 0 {
			for _, v := range all {
				if !yield(v) {
					return
				}
			}
			return
		}
		x.index(blockOf, len(keys)-1)
		own, others := x.labels[keys[len(keys)-1]], x.others
		for len(own)+len(others) > 0 {
			var next int
			if len(others) == 0 || len(own) > 0 && own[0] < others[0] {
				next, own = own[0], own[1:]
			} else {
				next, others = others[0], others[1:]
			}
			if !yield(x.all[next]) {
				return
			}
		}
	}
}

// index sorts what was added since by the labels of the innermost entries, at
// this depth.
func (x *byLabel[T]) index(blockOf func(T) *block, depth int) {
	if x.labels == nil {
		x.labels = map[string][]int{}
	}
	for ; x.seen < len(x.all); x.seen++ {
		b := blockOf(x.all[x.seen])
		for b != nil && b.entry == nil {
			b = b.parent
		}
		if b != nil && b.fixed() && b.depth == depth {
			x.labels[b.label] = append(x.labels[b.label], x.seen)
		} else {
			x.others = append(x.others, x.seen)
		}
	}
}

func (b *block) itself() *block { return b }

func (d *rawDef) within() *block { return d.block }
