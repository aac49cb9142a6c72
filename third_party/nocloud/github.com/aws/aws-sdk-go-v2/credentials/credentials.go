// Package credentials stands for the package of this name; see third_party/nocloud/README.md.
package credentials

type StaticCredentialsProvider struct{}

func NewStaticCredentialsProvider(key, secret, session string) StaticCredentialsProvider {
	return StaticCredentialsProvider{}
}
