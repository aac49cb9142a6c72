// Package to stands for the package of this name; see third_party/nocloud/README.md.
package to

func Ptr[T any](v T) *T { return &v }
