// Package status stands for the package of this name; see third_party/nocloud/README.md.
package status

import (
	"fmt"

	"google.golang.org/grpc/codes"
)

func Errorf(_ codes.Code, format string, args ...any) error { return fmt.Errorf(format, args...) }
