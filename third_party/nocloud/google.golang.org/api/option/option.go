// Package option stands for the package of this name; see third_party/nocloud/README.md.
package option

type ClientOption struct{}

func WithTokenSource(any) ClientOption { return ClientOption{} }

func WithCredentialsJSON([]byte) ClientOption { return ClientOption{} }

func WithGRPCConn(any) ClientOption { return ClientOption{} }

func WithGRPCDialOption(any) ClientOption { return ClientOption{} }

func WithEndpoint(string) ClientOption { return ClientOption{} }

func WithUniverseDomain(string) ClientOption { return ClientOption{} }
