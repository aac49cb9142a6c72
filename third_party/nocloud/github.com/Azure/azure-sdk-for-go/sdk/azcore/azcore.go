// Package azcore stands for the package of this name; see third_party/nocloud/README.md.
package azcore

type TokenCredential interface{}
