// Package core stands for the package of this name; see third_party/nocloud/README.md.
package core

type HcHttpClient struct{}

type HcHttpClientBuilder struct{}

func NewHcHttpClientBuilder() *HcHttpClientBuilder { return &HcHttpClientBuilder{} }

func (b *HcHttpClientBuilder) WithCredential(any) *HcHttpClientBuilder { return b }

func (b *HcHttpClientBuilder) WithRegion(any) *HcHttpClientBuilder { return b }

func (*HcHttpClientBuilder) Build() *HcHttpClient { return &HcHttpClient{} }
