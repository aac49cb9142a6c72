// Package aws stands for the package of this name; see third_party/nocloud/README.md.
package aws

import "net/http"

type CredentialsProvider interface{}

type Config struct {
	Credentials CredentialsProvider
	Region      string
}

type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

func String(s string) *string { return &s }
