// Package model stands for the package of this name; see third_party/nocloud/README.md.
package model

type Algorithm struct{}

type Algorithms struct{ SYMMETRIC_DEFAULT Algorithm }

func GetEncryptDataRequestBodyEncryptionAlgorithmEnum() Algorithms { return Algorithms{} }

func GetDecryptDataRequestBodyEncryptionAlgorithmEnum() Algorithms { return Algorithms{} }

type EncryptDataRequestBody struct {
	KeyId               string
	PlainText           string
	EncryptionAlgorithm *Algorithm
}

type EncryptDataRequest struct{ Body *EncryptDataRequestBody }

type EncryptDataResponse struct{ CipherText *string }

type DecryptDataRequestBody struct {
	CipherText          string
	EncryptionAlgorithm *Algorithm
	KeyId               *string
}

type DecryptDataRequest struct{ Body *DecryptDataRequestBody }

type DecryptDataResponse struct{ PlainText *string }
