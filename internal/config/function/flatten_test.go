package function

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// What flatten has to wait for is named by marks: the sequences of it, and no
// element, which is one whatever it turns out to be.
func TestFlattenWaitsForSequencesAlone(t *testing.T) {
	elem, whole := cty.UnknownVal(cty.String).Mark("elem"), cty.DynamicVal.Mark("whole")
	v, err := flatten(cty.TupleVal([]cty.Value{cty.TupleVal([]cty.Value{elem, whole})}))
	if err != nil || v.IsKnown() || !v.HasMark("whole") || v.HasMark("elem") {
		t.Errorf("flatten([[elem, whole]]) is %#v, %v; want unknown, with the mark of whole", v, err)
	}
	v, err = flatten(cty.TupleVal([]cty.Value{cty.TupleVal([]cty.Value{elem}).Mark("list")}))
	if err != nil || !v.HasMark("list") {
		t.Fatalf("flatten([[elem]]) is %#v, %v; want one element, with the mark of its list", v, err)
	}
	if v, _ = v.Unmark(); v.LengthInt() != 1 || !v.Index(cty.Zero).HasMark("elem") {
		t.Errorf("flatten([[elem]]) is %#v, want the element with its mark", v)
	}
}
