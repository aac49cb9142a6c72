// Package config stands for the package of this name; see third_party/nocloud/README.md.
package config

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type LoadOptions struct {
	Credentials         aws.CredentialsProvider
	SharedConfigProfile string
	Region              string
	HTTPClient          aws.HTTPClient
}

func LoadDefaultConfig(context.Context, ...func(*LoadOptions) error) (aws.Config, error) {
	return aws.Config{}, errors.New("hostctl has no cloud key services")
}
