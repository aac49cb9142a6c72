package library_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
)

// Neither the order in which hosts are evaluated, nor how many at a time,
// nor the order of maps shows in a spec.
func TestSpecsAreDeterministic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	first := map[string][]byte{}
	rounds := 8
	if os.Getenv("CI") != "" {
		rounds = 100 // a minute
	}
	for round := range rounds {
		runtime.GOMAXPROCS(1 + round%8)
		f, diags := flake.Load("..")
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		hosts := f.Hosts()
		rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
		specs := make([][]byte, len(hosts))
		errs := make([]error, len(hosts))
		eval.NewFleet(f).Each(context.Background(), hosts, func(i int, r *eval.Result, _ hcl.Diagnostics) {
			specs[i], errs[i] = r.Spec.Canonical()
		})
		for i, host := range hosts {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if first[host] == nil {
				first[host] = specs[i]
			}
			if !bytes.Equal(first[host], specs[i]) {
				t.Fatalf("round %d: the spec of %s is another than in the first", round, host)
			}
		}
	}
}
