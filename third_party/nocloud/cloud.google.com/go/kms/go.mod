module cloud.google.com/go/kms

go 1.24

require (
	google.golang.org/api v0.0.0
)
