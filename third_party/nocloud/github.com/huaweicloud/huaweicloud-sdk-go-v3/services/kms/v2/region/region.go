// Package region stands for the package of this name; see third_party/nocloud/README.md.
package region

import "errors"

type Region struct{}

func SafeValueOf(string) (*Region, error) {
	return nil, errors.New("hostctl has no cloud key services")
}
