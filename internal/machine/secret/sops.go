package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
	"github.com/sirupsen/logrus"
)

// decrypt opens a file as 'sops decrypt' does: data key, values, MAC. sops's
// own errors and log are not passed on: they quote values and lines.
func (k Keyring) decrypt(file []byte) (map[string]string, error) {
	logging.SetLevel(logrus.PanicLevel)
	tree, err := parse(file)
	if err != nil {
		return nil, err
	}
	key, err := k.dataKey(&tree.Metadata)
	if err != nil {
		return nil, err
	}
	return open(tree, key)
}

// parse knows the format by content, not by name, because a stored generation
// has contents only. A binary file is JSON with the one key "data".
func parse(file []byte) (*sops.Tree, error) {
	store, format := storeOf(file)
	tree, err := store.LoadEncryptedFile(file)
	switch {
	case errors.Is(err, sops.MetadataNotFound):
		return nil, errors.New("it has no sops metadata: encrypt it with 'sops --encrypt --in-place FILE'")
	case err != nil:
		return nil, fmt.Errorf("it is not %s as sops writes it, or its sops metadata is damaged: 'sops decrypt FILE' tells where", format)
	case len(tree.Branches) != 1:
		return nil, errors.New("it holds several YAML documents: keep one per file")
	}
	return &tree, nil
}

func storeOf(file []byte) (sops.EncryptedFileLoader, string) {
	c := config.NewStoresConfig()
	if bytes.HasPrefix(bytes.TrimSpace(file), []byte("{")) {
		return json.NewStore(&c.JSON), "JSON"
	}
	for line := range bytes.Lines(file) {
		if bytes.HasPrefix(line, []byte("sops_mac=")) {
			return dotenv.NewStore(&c.Dotenv), "dotenv"
		}
		if bytes.Equal(bytes.TrimSpace(line), []byte("[sops]")) {
			return ini.NewStore(&c.INI), "INI"
		}
	}
	return yaml.NewStore(&c.YAML), "YAML"
}

// hostKeys is sops's key service with only the keys of this host: sops's own
// service asks the environment, gpg and the clouds.
type hostKeys struct {
	identities sopsage.ParsedIdentities
	damaged    []string // recipients whose copy of the data key is not an age file
}

// Decrypt opens one recipient's copy of the data key.
func (h *hostKeys) Decrypt(_ context.Context, req *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	recipient := req.GetKey().GetAgeKey()
	if recipient == nil {
		return nil, errors.New("not an age key")
	}
	if len(h.identities) == 0 { // sops would look for some in the environment
		return nil, errors.New("no keys")
	}
	key := sopsage.MasterKey{Recipient: recipient.Recipient, EncryptedKey: string(req.Ciphertext)}
	h.identities.ApplyToMasterKey(&key)
	plain, err := key.Decrypt()
	var mismatch *age.NoIdentityMatchError
	if err != nil && !errors.As(err, &mismatch) {
		h.damaged = append(h.damaged, recipient.Recipient)
	}
	return &keyservice.DecryptResponse{Plaintext: plain}, err
}

// Encrypt refuses: hostctl reads secrets, the sops program writes them.
func (h *hostKeys) Encrypt(context.Context, *keyservice.EncryptRequest) (*keyservice.EncryptResponse, error) {
	return nil, errors.ErrUnsupported
}

// dataKey finds the key of the values, put together from the key groups where
// there are several.
func (k Keyring) dataKey(meta *sops.Metadata) ([]byte, error) {
	service := &hostKeys{identities: k.identities}
	key, err := meta.GetDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(service)}, nil)
	if err == nil {
		return key, nil
	}
	if len(service.damaged) > 0 {
		return nil, fmt.Errorf("its key for %s is damaged", strings.Join(service.damaged, ", "))
	}
	var recipients []string
	for _, key := range slices.Concat(meta.KeyGroups...) {
		name := key.ToString()
		if kind := key.TypeToIdentifier(); kind != sopsage.KeyTypeIdentifier {
			name = kind + " " + name
		}
		recipients = append(recipients, name)
	}
	if len(recipients) == 0 {
		recipients = []string{"nobody"}
	}
	groups := ""
	if n := len(meta.KeyGroups); n > 1 {
		groups = fmt.Sprintf(" in %d key groups, of which %d must open", n, meta.ShamirThreshold)
	}
	return nil, fmt.Errorf("it is encrypted to %s%s, and this host has %s; add the host's public key to .sops.yaml and run 'sops updatekeys FILE'",
		strings.Join(recipients, ", "), groups, strings.Join(k.public, ", "))
}

// namer is sops's cipher with errors that name the value and do not quote it.
type namer struct {
	aes.Cipher
	failed string
}

// Decrypt implements sops.Cipher; additional is the path of the value, "a:b:".
func (n *namer) Decrypt(text string, key []byte, additional string) (any, error) {
	var value any
	err := errors.ErrUnsupported
	// The kind is not authenticated, and for this one, which sops has long
	// ceased to write, aes.Cipher panics.
	if !strings.HasSuffix(text, ",type:bytes]") {
		value, err = n.Cipher.Decrypt(text, key, additional)
	}
	if err != nil {
		path := strings.ReplaceAll(strings.TrimSuffix(additional, ":"), ":", "/")
		n.failed = fmt.Sprintf("the value of %q cannot be decrypted: it is not encrypted, was changed, or moved from another key", path)
		return nil, errors.New(n.failed)
	}
	return value, nil
}

// open decrypts tree. What it returns has passed the MAC: no value of the file
// was changed, added, removed or moved.
func open(tree *sops.Tree, key []byte) (map[string]string, error) {
	cipher := &namer{Cipher: aes.NewCipher()}
	mac, err := tree.Decrypt(key, cipher)
	if err != nil {
		// The last failure may be a comment's, which sops forgives.
		if cipher.failed != "" && strings.Contains(err.Error(), cipher.failed) {
			return nil, errors.New(cipher.failed)
		}
		return nil, errors.New("a number, a truth value or a time in it is not encrypted and should be, or a key is not a string")
	}
	want, err := cipher.Decrypt(tree.Metadata.MessageAuthenticationCode, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		return nil, errors.New("its MAC cannot be read: the file was changed by something other than sops; restore it from git")
	}
	if want != mac {
		return nil, errors.New("its MAC does not match: the file was changed by something other than sops; restore it from git, or check every value and run 'sops FILE' to write it anew")
	}
	values := map[string]string{}
	return values, collect(tree.Branches[0], "", values)
}

// collect names every value of a tree by its path. Comments and null are none.
func collect(value any, name string, into map[string]string) error {
	switch v := value.(type) {
	case nil, sops.Comment:
	case sops.TreeBranch:
		for _, item := range v {
			if key, ok := item.Key.(string); ok {
				if err := collect(item.Value, strings.TrimPrefix(name+"/"+key, "/"), into); err != nil {
					return err
				}
			}
		}
	case []any:
		position := 0
		for _, item := range v {
			if _, ok := item.(sops.Comment); ok {
				continue
			}
			if err := collect(item, name+"/"+strconv.Itoa(position), into); err != nil {
				return err
			}
			position++
		}
	case bool: // for the MAC, ToBytes writes Python's True
		into[name] = strconv.FormatBool(v)
	default:
		text, err := sops.ToBytes(v)
		if err != nil {
			return fmt.Errorf("the value of %q is a %T, which is none of sops's types", name, v)
		}
		into[name] = string(text)
	}
	return nil
}
