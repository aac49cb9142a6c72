// Package auth stands for the package of this name; see third_party/nocloud/README.md.
package auth

type ICredential interface{}
