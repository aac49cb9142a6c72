package eval

import "iter"

// byLabel finds among what blocks say of the entries of a map that which may
// be about one of them, in its order: what stands in a block with the label
// of this entry, or in one whose name only evaluation tells. A map may be
// made of thousands of blocks.
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

// few is how many of anything are looked at one by one: an index costs more.
const few = 8

// about yields what may be about the entry of these keys, from the outermost
// map inwards; blockOf is the block that an element stands in.
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

// index sorts what has come since by the labels of the innermost entries,
// which depth entries stand around.
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
