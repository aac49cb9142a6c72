package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// branch is a mapping in the order of the file: the MAC is taken over the
// values in that order.
type branch []entry

// entry is one key of a mapping. Its value is a branch, a []any of values, a
// scalar (string, int, float64, bool, time.Time) or nil.
type entry struct {
	key   string
	value any
}

// metadata is what sops keeps beside the values, in every format.
type metadata struct {
	Age          []recipient `yaml:"age" json:"age"`
	PGP          []any       `yaml:"pgp" json:"pgp"`
	KMS          []any       `yaml:"kms" json:"kms"`
	GCP          []any       `yaml:"gcp_kms" json:"gcp_kms"`
	Azure        []any       `yaml:"azure_kv" json:"azure_kv"`
	Vault        []any       `yaml:"hc_vault" json:"hc_vault"`
	Huawei       []any       `yaml:"hckms" json:"hckms"`
	KeyGroups    []any       `yaml:"key_groups" json:"key_groups"`
	LastModified string      `yaml:"lastmodified" json:"lastmodified"`
	MAC          string      `yaml:"mac" json:"mac"`

	UnencryptedSuffix       string `yaml:"unencrypted_suffix" json:"unencrypted_suffix"`
	EncryptedSuffix         string `yaml:"encrypted_suffix" json:"encrypted_suffix"`
	UnencryptedRegex        string `yaml:"unencrypted_regex" json:"unencrypted_regex"`
	EncryptedRegex          string `yaml:"encrypted_regex" json:"encrypted_regex"`
	UnencryptedCommentRegex string `yaml:"unencrypted_comment_regex" json:"unencrypted_comment_regex"`
	EncryptedCommentRegex   string `yaml:"encrypted_comment_regex" json:"encrypted_comment_regex"`
	MACOnlyEncrypted        bool   `yaml:"mac_only_encrypted" json:"mac_only_encrypted"`
}

// recipient is the data key, encrypted to one age public key.
type recipient struct {
	Recipient string `yaml:"recipient" json:"recipient"`
	Enc       string `yaml:"enc" json:"enc"`
}

// foreign counts the keys that are not age's.
func (m *metadata) foreign() int {
	return len(m.PGP) + len(m.KMS) + len(m.GCP) + len(m.Azure) + len(m.Vault) + len(m.Huawei)
}

// supported refuses what this reader would get wrong.
func (m *metadata) supported() error {
	switch {
	case m.MAC == "":
		return errors.New("it has no sops metadata: encrypt it with 'sops --encrypt --in-place FILE'")
	case len(m.KeyGroups) > 1:
		return errors.New("its key is split over several key groups, and hostctl reads files of one group only: remove key_groups from .sops.yaml and run 'sops updatekeys FILE'")
	case m.UnencryptedCommentRegex != "" || m.EncryptedCommentRegex != "":
		return errors.New("it chooses what to encrypt by comments (encrypted_comment_regex, unencrypted_comment_regex), which hostctl does not read: use encrypted_regex")
	}
	return nil
}

// parse reads an encrypted file of any of sops's formats. The format is known
// by content, not by name, because a stored generation has contents only. A
// binary file is JSON with the one key "data".
func parse(file []byte) (branch, *metadata, error) {
	if bytes.HasPrefix(bytes.TrimSpace(file), []byte("{")) {
		return parseJSON(file)
	}
	for line := range bytes.Lines(file) {
		if bytes.HasPrefix(line, []byte("sops_mac=")) {
			return parseDotenv(file)
		}
		if bytes.Equal(bytes.TrimSpace(line), []byte("[sops]")) {
			return nil, nil, errors.New("it is in the INI format, which hostctl does not read: use YAML, JSON, dotenv or binary")
		}
	}
	return parseYAML(file)
}

func parseYAML(file []byte) (branch, *metadata, error) {
	dec := yaml.NewDecoder(bytes.NewReader(file))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, nil, errors.New("it is not YAML, JSON or dotenv")
	}
	if err := dec.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("it holds several YAML documents: keep one per file")
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, errors.New("it is not a YAML mapping")
	}
	tree, err := yamlBranch(doc.Content[0])
	if err != nil {
		return nil, nil, err
	}
	var meta struct {
		Sops metadata `yaml:"sops"`
	}
	if err := doc.Decode(&meta); err != nil {
		return nil, nil, errors.New("its sops metadata is damaged")
	}
	return without(tree, "sops"), &meta.Sops, nil
}

func yamlBranch(node *yaml.Node) (branch, error) {
	var out branch
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || seen[key.Value] {
			return nil, fmt.Errorf("line %d: a key is not a string, or is there twice", key.Line)
		}
		seen[key.Value] = true
		value, err := yamlValue(node.Content[i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, entry{key.Value, value})
	}
	return out, nil
}

func yamlValue(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.MappingNode:
		return yamlBranch(node)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			value, err := yamlValue(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.ScalarNode:
		var value any
		if err := node.Decode(&value); err != nil {
			return nil, fmt.Errorf("line %d: a value that does not fit its tag", node.Line)
		}
		return value, nil
	default: // sops writes aliases out
		return nil, fmt.Errorf("line %d: an alias, which sops does not write", node.Line)
	}
}

func parseJSON(file []byte) (branch, *metadata, error) {
	if !json.Valid(file) { // also bounds the depth
		return nil, nil, errors.New("it begins like JSON and is not")
	}
	var meta struct {
		Sops metadata `json:"sops"`
	}
	if err := json.Unmarshal(file, &meta); err != nil {
		return nil, nil, errors.New("its sops metadata is damaged")
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.UseNumber()
	value, err := jsonValue(dec)
	if err != nil {
		return nil, nil, err
	}
	return without(value.(branch), "sops"), &meta.Sops, nil
}

// jsonValue reads the next value of valid JSON whose first token stands at dec.
func jsonValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return jsonList(dec)
		}
		return jsonBranch(dec)
	case json.Number:
		if i, err := token.Int64(); err == nil {
			return int(i), nil
		}
		return token.Float64()
	default:
		return token, nil
	}
}

func jsonList(dec *json.Decoder) (any, error) {
	list := []any{}
	for dec.More() {
		value, err := jsonValue(dec)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := dec.Token()
	return list, err
}

func jsonBranch(dec *json.Decoder) (any, error) {
	var out branch
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := jsonValue(dec)
		if err != nil {
			return nil, err
		}
		out = append(out, entry{key.(string), value})
	}
	_, err := dec.Token()
	return out, err
}

// parseDotenv reads lines KEY=VALUE. sops flattens its metadata into keys
// like sops_age__list_0__map_enc and writes a newline as backslash n.
func parseDotenv(file []byte) (branch, *metadata, error) {
	var out branch
	flat := map[string]string{}
	for number, line := range strings.Split(string(file), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, nil, fmt.Errorf("line %d is neither KEY=VALUE nor a comment", number+1)
		}
		value = strings.ReplaceAll(value, `\n`, "\n")
		if name, ok := strings.CutPrefix(key, "sops_"); ok {
			flat[name] = value
			continue
		}
		out = append(out, entry{key, value})
	}
	meta := &metadata{
		LastModified: flat["lastmodified"], MAC: flat["mac"], MACOnlyEncrypted: flat["mac_only_encrypted"] == "true",
		UnencryptedSuffix: flat["unencrypted_suffix"], EncryptedSuffix: flat["encrypted_suffix"],
		UnencryptedRegex: flat["unencrypted_regex"], EncryptedRegex: flat["encrypted_regex"],
		UnencryptedCommentRegex: flat["unencrypted_comment_regex"], EncryptedCommentRegex: flat["encrypted_comment_regex"],
	}
	for i := 0; flat[fmt.Sprintf("age__list_%d__map_enc", i)] != ""; i++ {
		meta.Age = append(meta.Age, recipient{
			Recipient: flat[fmt.Sprintf("age__list_%d__map_recipient", i)],
			Enc:       flat[fmt.Sprintf("age__list_%d__map_enc", i)],
		})
	}
	return out, meta, nil
}

func without(tree branch, key string) branch {
	var out branch
	for _, e := range tree {
		if e.key != key {
			out = append(out, e)
		}
	}
	return out
}
