package engine

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// needsRoot skips a test that writes records, which belong to root.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("records belong to root")
	}
}

// write writes a file and makes its folders.
func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// quiet are options whose output nobody reads.
func quiet(root string) Options {
	return Options{Root: root, Out: Output{Say: func(string, ...any) {}, Step: func(Step) {}, Still: func() {}, Log: io.Discard, Past: func() {}}}
}
