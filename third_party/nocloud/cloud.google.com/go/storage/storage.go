// Package storage stands for the package of this name; see third_party/nocloud/README.md.
package storage

import (
	"context"
	"errors"
	"io"
)

type Client struct{}

func NewClient(context.Context) (*Client, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

type Bucket struct{}

func (*Client) Bucket(string) Bucket { return Bucket{} }

type Object struct{}

func (Bucket) Object(string) Object { return Object{} }

func (Object) NewWriter(context.Context) io.WriteCloser { return nil }
