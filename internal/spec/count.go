package spec

import "fmt"

// Count is n things, in English: "1 path", "2 paths".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
