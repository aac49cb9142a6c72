// Package metadata stands for the package of this name; see third_party/nocloud/README.md.
// Tests of sops import it, and go mod tidy looks for it.
package metadata
