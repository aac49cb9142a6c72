// Package api stands for the package of this name; see third_party/nocloud/README.md.
package api

import (
	"context"
	"errors"
	"net/http"
)

type Config struct {
	Address    string
	HttpClient *http.Client
}

func DefaultConfig() *Config { return &Config{} }

type Secret struct{ Data map[string]any }

type Client struct{}

func NewClient(*Config) (*Client, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*Client) SetToken(string) {}

func (*Client) Token() string { return "" }

func (*Client) SetAddress(string) error { return nil }

func (*Client) Logical() *Logical { return &Logical{} }

type Logical struct{}

func (*Logical) Read(string) (*Secret, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*Logical) Write(string, map[string]any) (*Secret, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*Logical) WriteWithContext(context.Context, string, map[string]any) (*Secret, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
