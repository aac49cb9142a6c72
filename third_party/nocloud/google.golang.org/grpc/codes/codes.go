// Package codes stands for the package of this name; see third_party/nocloud/README.md.
package codes

type Code uint32

const (
	NotFound         Code = 5
	PermissionDenied Code = 7
	Unimplemented    Code = 12
)
