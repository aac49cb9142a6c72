// Package grpc stands for the package of this name; see third_party/nocloud/README.md.
package grpc

import "context"

const SupportPackageIsVersion9 = true

type CallOption interface{}

type DialOption interface{}

type ClientConn struct{}

type ClientConnInterface interface {
	Invoke(ctx context.Context, method string, args, reply any, opts ...CallOption) error
}

func StaticMethod() CallOption { return nil }

type ServiceRegistrar interface {
	RegisterService(*ServiceDesc, any)
}

type ServiceDesc struct {
	ServiceName string
	HandlerType any
	Methods     []MethodDesc
	Streams     []StreamDesc
	Metadata    any
}

type MethodDesc struct {
	MethodName string
	Handler    func(srv any, ctx context.Context, dec func(any) error, interceptor UnaryServerInterceptor) (any, error)
}

type StreamDesc struct{}

type UnaryServerInfo struct {
	Server     any
	FullMethod string
}

type UnaryHandler = func(ctx context.Context, req any) (any, error)

type UnaryServerInterceptor func(ctx context.Context, req any, info *UnaryServerInfo, handler UnaryHandler) (any, error)
