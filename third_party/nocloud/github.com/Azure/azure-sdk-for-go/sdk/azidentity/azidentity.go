// Package azidentity stands for the package of this name; see third_party/nocloud/README.md.
package azidentity

import "errors"

type DefaultAzureCredential struct{}

type DefaultAzureCredentialOptions struct{}

func NewDefaultAzureCredential(*DefaultAzureCredentialOptions) (*DefaultAzureCredential, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
