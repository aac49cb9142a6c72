module github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys

go 1.24

require (
	github.com/Azure/azure-sdk-for-go/sdk/azcore v0.0.0
)
