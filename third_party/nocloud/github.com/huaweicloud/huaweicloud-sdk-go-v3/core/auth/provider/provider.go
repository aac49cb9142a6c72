// Package provider stands for the package of this name; see third_party/nocloud/README.md.
package provider

import (
	"errors"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
)

type Chain struct{}

func BasicCredentialProviderChain() Chain { return Chain{} }

func (Chain) GetCredentials() (auth.ICredential, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
