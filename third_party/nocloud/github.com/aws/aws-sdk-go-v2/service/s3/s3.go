// Package s3 stands for the package of this name; see third_party/nocloud/README.md.
package s3

import (
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type PutObjectInput struct {
	Body        io.Reader
	Bucket, Key *string
}

type PutObjectOutput struct{}

type Client struct{}

func NewFromConfig(aws.Config) *Client { return &Client{} }

func (*Client) PutObject(context.Context, *PutObjectInput) (*PutObjectOutput, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
