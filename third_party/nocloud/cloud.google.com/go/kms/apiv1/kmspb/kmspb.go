// Package kmspb stands for the package of this name; see third_party/nocloud/README.md.
package kmspb

type EncryptRequest struct {
	Name      string
	Plaintext []byte
}

type EncryptResponse struct{ Ciphertext []byte }

type DecryptRequest struct {
	Name       string
	Ciphertext []byte
}

type DecryptResponse struct{ Plaintext []byte }
