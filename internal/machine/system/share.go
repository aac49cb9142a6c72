package system

import (
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Share does something for each of 0 to n-1, on all processors, several at a time.
// It returns one of the errors. After an error, the rest of that turn is not done.
func Share(n int, do func(i int) error) error {
	const some = 64
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for first := 0; first < n; first += some {
		all.Go(func() error {
			for i := first; i < min(first+some, n); i++ {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}
