// Package manager stands for the package of this name; see third_party/nocloud/README.md.
package manager

import "io"

func ReadSeekCloser(r io.Reader) io.Reader { return r }
