package eval

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Blocks that may be about an entry are searched in order, without those with
// another label. So a map of thousands of blocks takes time linear in their number,
// not quadratic.
func TestByLabel(t *testing.T) {
	entry := &option.Node{}
	outer := &block{entry: entry, label: "psiri"}
	var x *byLabel[*block]
	for i := range 3 * few {
		b := &block{entry: entry, parent: outer, depth: 1, label: fmt.Sprint("f", i%few)}
		switch i % few {
		case 1:
			b.label, b.name = "", hcl.StaticExpr(cty.StringVal("f0"), hcl.Range{})
		case 2: // inside the entry, where definitions are
			b = &block{parent: b, depth: 2}
		}
		x = x.grown(b)
	}
	for label, want := range map[string][]int{
		"f0": {0, 1, 8, 9, 16, 17}, "f2": {1, 2, 9, 10, 17, 18}, "f7": {1, 7, 9, 15, 17, 23}, "none": {1, 9, 17},
	} {
		var got []int
		for b := range x.about([]string{"psiri", label}, (*block).itself) {
			got = append(got, slices.Index(x.all, b))
		}
		if !slices.Equal(got, want) {
			t.Errorf("about %s are %v, want %v", label, got, want)
		}
	}
}
