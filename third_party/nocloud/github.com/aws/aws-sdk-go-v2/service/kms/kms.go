// Package kms stands for the package of this name; see third_party/nocloud/README.md.
package kms

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type Options struct{ BaseEndpoint *string }

type EncryptInput struct {
	KeyId             *string
	Plaintext         []byte
	EncryptionContext map[string]string
}

type EncryptOutput struct{ CiphertextBlob []byte }

type DecryptInput struct {
	KeyId             *string
	CiphertextBlob    []byte
	EncryptionContext map[string]string
}

type DecryptOutput struct{ Plaintext []byte }

type Client struct{}

func NewFromConfig(aws.Config, ...func(*Options)) *Client { return &Client{} }

func (*Client) Encrypt(context.Context, *EncryptInput) (*EncryptOutput, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*Client) Decrypt(context.Context, *DecryptInput) (*DecryptOutput, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
