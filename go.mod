module github.com/hostctl/hostctl

go 1.26.0

require (
	filippo.io/age v1.3.2 // given: the keys that secrets are encrypted to
	github.com/ProtonMail/go-crypto v1.4.1 // tests: signs the package archive that they make; go-git brings it anyway
	github.com/agext/levenshtein v1.2.1 // "did you mean"; hcl brings it anyway
	github.com/getsops/sops/v3 v3.13.3 // given: reads secrets files
	github.com/go-git/go-git/v5 v5.19.3 // given: fetches inputs without a git program
	github.com/go-json-experiment/json v1.27.2 // records and caches, read twice as fast: what Go 1.27's encoding/json is made of
	github.com/hashicorp/hcl/v2 v2.25.0 // given: the language
	github.com/pmezard/go-difflib v1.0.1-0.20181226105442-5d4384ee4fb2 // unified diffs of files in plans
	github.com/rogpeppe/go-internal v1.16.0 // testscript: the command line against folders
	github.com/sirupsen/logrus v1.9.4 // silences sops's own logger, which quotes values
	github.com/sourcegraph/jsonrpc2 v0.2.3 // the framing and message loop of hostctl lsp; the standard library alone
	github.com/spf13/cobra v1.10.2 // given: commands, completion, man pages
	github.com/spf13/pflag v1.0.9 // tests: walks cobra's flags; cobra brings it anyway
	github.com/vbauerster/mpb/v8 v8.16.2 // progress bars with a known total, alive and without globals
	github.com/zclconf/go-cty v1.20.0 // given: the values of the language
	github.com/zclconf/go-cty-yaml v1.2.0 // yamlencode and yamldecode, as Terraform has them
	golang.org/x/crypto v0.56.0 // ssh: keys, agent and known_hosts for inputs; go-git brings it anyway
	golang.org/x/sync v0.24.0 // errgroup: parallel downloads and hashing
	golang.org/x/sys v0.49.0 // renameat2, mounts, namespaces, xattrs
	golang.org/x/term v0.45.0 // line editing of the console; already brought by others
	golang.org/x/text v0.41.0 // NFC check of text files (language rule 18)
)

require (
	cloud.google.com/go/kms v1.32.0 // indirect
	cloud.google.com/go/storage v1.63.1 // indirect
	dario.cat/mergo v1.0.2 // indirect
	filippo.io/edwards25519 v1.2.0 // indirect
	filippo.io/hpke v0.4.0 // indirect
	github.com/Azure/azure-sdk-for-go/sdk/azcore v1.22.0 // indirect
	github.com/Azure/azure-sdk-for-go/sdk/azidentity v1.14.0 // indirect
	github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys v1.5.0 // indirect
	github.com/Microsoft/go-winio v0.6.2 // indirect
	github.com/VividCortex/ewma v1.2.0 // indirect
	github.com/acarl005/stripansi v0.0.0-20180116102854-5a71ef0e047d // indirect
	github.com/apparentlymart/go-textseg/v15 v15.0.0 // indirect
	github.com/apparentlymart/go-textseg/v17 v17.0.1 // indirect
	github.com/aws/aws-sdk-go-v2 v1.42.1 // indirect
	github.com/aws/aws-sdk-go-v2/config v1.32.30 // indirect
	github.com/aws/aws-sdk-go-v2/credentials v1.19.29 // indirect
	github.com/aws/aws-sdk-go-v2/feature/s3/manager v1.22.34 // indirect
	github.com/aws/aws-sdk-go-v2/service/kms v1.54.1 // indirect
	github.com/aws/aws-sdk-go-v2/service/s3 v1.105.2 // indirect
	github.com/aws/aws-sdk-go-v2/service/sts v1.44.1 // indirect
	github.com/blang/semver v3.5.1+incompatible // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/cloudflare/circl v1.6.4 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/cyphar/filepath-securejoin v0.6.1 // indirect
	github.com/emirpasic/gods v1.18.1 // indirect
	github.com/fatih/color v1.19.0 // indirect
	github.com/getsops/gopgagent v0.0.0-20241224165529-7044f28e491e // indirect
	github.com/go-git/gcfg v1.5.1-0.20230307220236-3a3c6141e376 // indirect
	github.com/go-git/go-billy/v5 v5.9.2 // indirect
	github.com/go-viper/mapstructure/v2 v2.5.0 // indirect
	github.com/golang/groupcache v0.0.0-20241129210726-2c02b8208cf8 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510 // indirect
	github.com/goware/prefixer v0.0.0-20160118172347-395022866408 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/vault/api v1.23.0 // indirect
	github.com/huaweicloud/huaweicloud-sdk-go-v3 v0.1.207 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/jbenet/go-context v0.0.0-20150711004518-d14ea06fba99 // indirect
	github.com/kevinburke/ssh_config v1.2.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	github.com/mattn/go-colorable v0.1.15 // indirect
	github.com/mattn/go-isatty v0.0.23 // indirect
	github.com/mattn/go-runewidth v0.0.30 // indirect
	github.com/mitchellh/go-homedir v1.1.0 // indirect
	github.com/mitchellh/go-wordwrap v1.0.1 // indirect
	github.com/pjbgf/sha1cd v0.7.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/sergi/go-diff v1.3.2-0.20230802210424-5b0b94c5c0d3 // indirect
	github.com/skeema/knownhosts v1.3.1 // indirect
	github.com/urfave/cli v1.22.17 // indirect
	github.com/vbauerster/cupwriter v0.0.5 // indirect
	github.com/xanzy/ssh-agent v0.3.3 // indirect
	go.yaml.in/yaml/v3 v3.0.4 // indirect
	golang.org/x/mod v0.39.0 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/tools v0.49.0 // indirect
	google.golang.org/api v0.289.0 // indirect
	google.golang.org/grpc v1.82.1 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
	gopkg.in/ini.v1 v1.67.3 // indirect
	gopkg.in/warnings.v0 v0.1.2 // indirect
)

// What sops imports for the key services of clouds, which hostctl never calls: see
// third_party/nocloud/README.md.
replace (
	cloud.google.com/go/kms => ./third_party/nocloud/cloud.google.com/go/kms
	cloud.google.com/go/storage => ./third_party/nocloud/cloud.google.com/go/storage
	github.com/Azure/azure-sdk-for-go/sdk/azcore => ./third_party/nocloud/github.com/Azure/azure-sdk-for-go/sdk/azcore
	github.com/Azure/azure-sdk-for-go/sdk/azidentity => ./third_party/nocloud/github.com/Azure/azure-sdk-for-go/sdk/azidentity
	github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys => ./third_party/nocloud/github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys
	github.com/aws/aws-sdk-go-v2 => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2
	github.com/aws/aws-sdk-go-v2/config => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2/config
	github.com/aws/aws-sdk-go-v2/credentials => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2/credentials
	github.com/aws/aws-sdk-go-v2/feature/s3/manager => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2/feature/s3/manager
	github.com/aws/aws-sdk-go-v2/service/kms => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2/service/kms
	github.com/aws/aws-sdk-go-v2/service/s3 => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2/service/s3
	github.com/aws/aws-sdk-go-v2/service/sts => ./third_party/nocloud/github.com/aws/aws-sdk-go-v2/service/sts
	github.com/hashicorp/vault/api => ./third_party/nocloud/github.com/hashicorp/vault/api
	github.com/huaweicloud/huaweicloud-sdk-go-v3 => ./third_party/nocloud/github.com/huaweicloud/huaweicloud-sdk-go-v3
	google.golang.org/api => ./third_party/nocloud/google.golang.org/api
	google.golang.org/grpc => ./third_party/nocloud/google.golang.org/grpc
)
