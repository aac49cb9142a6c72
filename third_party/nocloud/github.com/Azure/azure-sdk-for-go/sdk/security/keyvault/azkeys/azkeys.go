// Package azkeys stands for the package of this name; see third_party/nocloud/README.md.
package azkeys

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

type EncryptionAlgorithm string

const EncryptionAlgorithmRSAOAEP256 EncryptionAlgorithm = "RSA-OAEP-256"

type ClientOptions struct{}

type KeyOperationParameters struct {
	Algorithm *EncryptionAlgorithm
	Value     []byte
}

type KeyOperationResult struct{ Result []byte }

type Response struct{ KeyOperationResult KeyOperationResult }

type Attributes struct{}

type KeyVaultKey struct{ KID *ID }

type KeyBundle struct{ Key *KeyVaultKey }

type GetKeyResponse struct{ KeyBundle }

type ID string

func (ID) Version() string { return "" }

type Client struct{}

func NewClient(string, azcore.TokenCredential, *ClientOptions) (*Client, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*Client) Encrypt(context.Context, string, string, KeyOperationParameters, any) (Response, error) {
	return Response{}, errors.New("hostctl has no cloud key services")
}

func (*Client) Decrypt(context.Context, string, string, KeyOperationParameters, any) (Response, error) {
	return Response{}, errors.New("hostctl has no cloud key services")
}

func (*Client) GetKey(context.Context, string, string, any) (GetKeyResponse, error) {
	return GetKeyResponse{}, errors.New("hostctl has no cloud key services")
}
