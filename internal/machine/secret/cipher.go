package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// opener decrypts the values of one file, and takes the MAC over them on the
// way (SHA-512 over the plain values in file order, comments left out).
type opener struct {
	block     cipher.Block
	mac       hash.Hash
	encrypted func(path []string) bool
	onlyEnc   bool
	values    map[string]string
}

// isComment tells an encrypted comment, which in a list stands between values.
func isComment(value any) bool {
	text, ok := value.(string)
	return ok && strings.HasPrefix(text, "ENC[") && strings.HasSuffix(text, ",type:comment]")
}

// open decrypts tree with the file's data key. What it returns has passed the
// MAC: no value of the file was changed, added, removed or moved.
func open(tree branch, meta *metadata, key []byte) (map[string]string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.New("its data key has a length that AES does not take")
	}
	rule, err := meta.rule()
	if err != nil {
		return nil, err
	}
	o := &opener{block: block, mac: sha512.New(), encrypted: rule, onlyEnc: meta.MACOnlyEncrypted, values: map[string]string{}}
	if o.onlyEnc {
		// sops sets the two kinds of MAC apart by this first block.
		salt := sha256.Sum256([]byte("sops"))
		o.mac.Write(salt[:])
	}
	if err := o.branch(tree, nil, ""); err != nil {
		return nil, err
	}
	modified, err := time.Parse(time.RFC3339, meta.LastModified)
	if err != nil {
		return nil, errors.New("its sops metadata is damaged: lastmodified is no time")
	}
	want, err := o.decrypt(meta.MAC, modified.Format(time.RFC3339))
	if err != nil {
		return nil, fmt.Errorf("its MAC cannot be read, the file was changed by something other than sops: %w", err)
	}
	got := fmt.Sprintf("%X", o.mac.Sum(nil))
	if text, ok := want.(string); !ok || subtle.ConstantTimeCompare([]byte(text), []byte(got)) != 1 {
		return nil, errors.New("its MAC does not match: the file was changed by something other than sops; restore it from git, or check every value and run 'sops FILE' to write it anew")
	}
	return o.values, nil
}

// rule says which paths are encrypted: one setting at most, by suffix or by
// regular expression, that any key on the way may meet.
func (m *metadata) rule() (func(path []string) bool, error) {
	suffix := func(s string) func(string) bool {
		return func(key string) bool { return strings.HasSuffix(key, s) }
	}
	var err error
	regex := func(expr string) func(string) bool {
		re, wrong := regexp.Compile(expr)
		if wrong != nil {
			err = errors.New("its rule for what to encrypt is no regular expression")
			return nil
		}
		return re.MatchString
	}
	match, encrypts := suffix("_unencrypted"), false // what sops takes for no setting
	switch {
	case m.UnencryptedSuffix != "":
		match = suffix(m.UnencryptedSuffix)
	case m.UnencryptedRegex != "":
		match = regex(m.UnencryptedRegex)
	case m.EncryptedSuffix != "":
		match, encrypts = suffix(m.EncryptedSuffix), true
	case m.EncryptedRegex != "":
		match, encrypts = regex(m.EncryptedRegex), true
	}
	return func(path []string) bool { return slices.ContainsFunc(path, match) == encrypts }, err
}

// branch walks a mapping. path is what the cipher binds a value to: the keys
// on the way, without list positions; name is how hostctl calls it.
func (o *opener) branch(tree branch, path []string, name string) error {
	for _, e := range tree {
		if err := o.value(e.value, append(path[:len(path):len(path)], e.key), name+e.key); err != nil {
			return err
		}
	}
	return nil
}

func (o *opener) value(value any, path []string, name string) error {
	switch v := value.(type) {
	case branch:
		return o.branch(v, path, name+"/")
	case []any:
		position := 0
		for _, item := range v {
			if err := o.value(item, path, name+"/"+strconv.Itoa(position)); err != nil {
				return err
			}
			if !isComment(item) {
				position++
			}
		}
		return nil
	case nil:
		return nil
	}
	encrypted := o.encrypted(path)
	if encrypted && isComment(value) {
		return nil
	}
	if encrypted {
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("the value of %q is not encrypted and should be", name)
		}
		var err error
		if value, err = o.decrypt(text, strings.Join(path, ":")+":"); err != nil {
			return fmt.Errorf("the value of %q cannot be decrypted: %w", name, err)
		}
	}
	plain, shown, err := texts(value)
	if err != nil {
		return fmt.Errorf("the value of %q: %w", name, err)
	}
	if encrypted || !o.onlyEnc {
		o.mac.Write([]byte(plain))
	}
	o.values[name] = shown
	return nil
}

// decrypt opens ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]. An empty string
// stands for itself. No error tells what the value is.
func (o *opener) decrypt(text, additional string) (any, error) {
	if text == "" {
		return "", nil
	}
	fields, err := encFields(text)
	if err != nil {
		return nil, err
	}
	if len(fields.iv) == 0 {
		return nil, errors.New("it has no initialisation vector")
	}
	gcm, err := cipher.NewGCMWithNonceSize(o.block, len(fields.iv))
	if err != nil {
		return nil, errors.New("its initialisation vector has a wrong length")
	}
	plain, err := gcm.Open(nil, fields.iv, append(fields.data, fields.tag...), []byte(additional))
	if err != nil {
		return nil, errors.New("it was changed, or moved from another key")
	}
	return typed(string(plain), fields.kind)
}

// encValue is the text of one encrypted value, taken apart.
type encValue struct {
	data, iv, tag []byte
	kind          string
}

func encFields(text string) (v encValue, err error) {
	damaged := errors.New("it is not in the form ENC[AES256_GCM,…]")
	body, ok := strings.CutPrefix(text, "ENC[AES256_GCM,")
	body, closed := strings.CutSuffix(body, "]")
	parts := strings.Split(body, ",")
	if !ok || !closed || len(parts) != 4 {
		return v, damaged
	}
	for i, name := range []string{"data:", "iv:", "tag:", "type:"} {
		part, ok := strings.CutPrefix(parts[i], name)
		if !ok {
			return v, damaged
		}
		if i == 3 {
			v.kind = part
			break
		}
		bytes, err := base64.StdEncoding.DecodeString(part)
		if err != nil {
			return v, damaged
		}
		*[]*[]byte{&v.data, &v.iv, &v.tag}[i] = bytes
	}
	return v, nil
}

func typed(plain, kind string) (value any, err error) {
	switch kind {
	case "str", "bytes":
		return plain, nil
	case "int":
		value, err = strconv.Atoi(plain)
	case "float":
		value, err = strconv.ParseFloat(plain, 64)
	case "bool":
		value, err = strconv.ParseBool(plain)
	case "time":
		value, err = time.Parse(time.RFC3339Nano, plain)
	default:
		return nil, fmt.Errorf("its type %q is not one of sops's", kind)
	}
	if err != nil {
		return nil, fmt.Errorf("it is not of its type, %s", kind) // err quotes the value
	}
	return value, nil
}

// texts returns a value as the MAC sees it and as a file shows it.
func texts(value any) (mac, shown string, err error) {
	switch v := value.(type) {
	case string:
		return v, v, nil
	case int:
		s := strconv.Itoa(v)
		return s, s, nil
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		return s, s, nil
	case bool:
		if v {
			return "True", "true", nil
		}
		return "False", "false", nil
	case time.Time:
		b, err := v.MarshalText()
		return string(b), string(b), err
	default:
		return "", "", fmt.Errorf("a %T is none of sops's types", value)
	}
}
