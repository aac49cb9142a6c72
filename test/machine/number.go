package machine

import (
	"os"
	"strconv"
	"testing"
)

// Number is how often a test does something: what an environment variable says, or
// else the usual number.
func Number(t testing.TB, variable string, usual int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
