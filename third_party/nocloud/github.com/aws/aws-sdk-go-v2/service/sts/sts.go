// Package sts stands for the package of this name; see third_party/nocloud/README.md.
package sts

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type AssumeRoleInput struct{ RoleArn, RoleSessionName *string }

type AssumeRoleOutput struct {
	Credentials *struct{ AccessKeyId, SecretAccessKey, SessionToken *string }
}

type Client struct{}

func NewFromConfig(aws.Config) *Client { return &Client{} }

func (*Client) AssumeRole(context.Context, *AssumeRoleInput) (*AssumeRoleOutput, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
