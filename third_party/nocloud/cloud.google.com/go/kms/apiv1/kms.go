// Package kms stands for the package of this name; see third_party/nocloud/README.md.
package kms

import (
	"context"
	"errors"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/api/option"
)

type KeyManagementClient struct{}

func NewKeyManagementClient(context.Context, ...option.ClientOption) (*KeyManagementClient, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func NewKeyManagementRESTClient(context.Context, ...option.ClientOption) (*KeyManagementClient, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*KeyManagementClient) Close() error { return nil }

func (*KeyManagementClient) Encrypt(context.Context, *kmspb.EncryptRequest) (*kmspb.EncryptResponse, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*KeyManagementClient) Decrypt(context.Context, *kmspb.DecryptRequest) (*kmspb.DecryptResponse, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
