// Package v2 stands for the package of this name; see third_party/nocloud/README.md.
package v2

import (
	"errors"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"
)

type KmsClient struct{}

func NewKmsClient(*core.HcHttpClient) *KmsClient { return &KmsClient{} }

func (*KmsClient) EncryptData(*model.EncryptDataRequest) (*model.EncryptDataResponse, error) {
	return nil, errors.New("hostctl has no cloud key services")
}

func (*KmsClient) DecryptData(*model.DecryptDataRequest) (*model.DecryptDataResponse, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
