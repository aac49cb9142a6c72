// Package secret decrypts sops files with the age keys of this host and puts
// their values below /run, in memory that is never swapped out.
//
// The sops library reads the files, with the keys that Keyring holds and no
// other: neither the environment nor gpg nor a cloud's key service is asked.
// Writing such files stays the sops program's work.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"github.com/agext/levenshtein"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// sshHostKey can open files too: sops takes ssh-ed25519 public keys as age
// recipients.
const sshHostKey = "/etc/ssh/ssh_host_ed25519_key"

// Keyring holds the private keys of this host.
type Keyring struct {
	identities []age.Identity
	public     []string // "age1… (FILE)", for people
}

// LoadKeys reads the age keys in ageKeyFile, and the ed25519 host key of sshd
// where there is one. No environment variable and no other place is looked at.
// From here on the process leaves no core dump and cannot be traced.
func LoadKeys(root system.Root, ageKeyFile string) (Keyring, error) {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return Keyring{}, fmt.Errorf("cannot turn core dumps off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return Keyring{}, fmt.Errorf("cannot make this process untraceable: %w", err)
	}
	var k Keyring
	if err := k.addSSH(root); err != nil {
		return Keyring{}, err
	}
	if ageKeyFile != "" {
		if err := k.addAge(root, ageKeyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Keyring{}, err
		}
	}
	switch {
	case len(k.identities) > 0:
		return k, nil
	case ageKeyFile == "":
		return Keyring{}, fmt.Errorf("cannot decrypt secrets: the spec names no age key file, and there is no %s", sshHostKey)
	default:
		return Keyring{}, fmt.Errorf("cannot decrypt secrets: there is no key at %s; copy this host's age key there, or make one with 'age-keygen -o %s', add its public key to .sops.yaml and run 'sops updatekeys' on the files", ageKeyFile, ageKeyFile)
	}
}

func (k *Keyring) addAge(root system.Root, path string) error {
	data, err := readPrivate(root, path)
	if err != nil {
		return err
	}
	ids, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("cannot read age keys from %s: it should hold lines AGE-SECRET-KEY-1…, as age-keygen writes them", path)
	}
	for _, id := range ids {
		k.identities = append(k.identities, id)
		switch id := id.(type) {
		case *age.X25519Identity:
			k.public = append(k.public, fmt.Sprintf("%s (%s)", id.Recipient(), path))
		case *age.HybridIdentity:
			k.public = append(k.public, fmt.Sprintf("%s (%s)", id.Recipient(), path))
		}
	}
	return nil
}

// addSSH takes the host key of sshd; one with a passphrase is not for machines
// and passed over.
func (k *Keyring) addSSH(root system.Root) error {
	data, err := readPrivate(root, sshHostKey)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	id, err := agessh.ParseIdentity(data)
	if err != nil {
		return nil
	}
	public := "an ssh key"
	if pub, err := root.Read(sshHostKey + ".pub"); err == nil {
		if f := strings.Fields(string(pub)); len(f) >= 2 {
			public = f[0] + " " + f[1]
		}
	}
	k.identities = append(k.identities, id)
	k.public = append(k.public, fmt.Sprintf("%s (%s)", public, sshHostKey))
	return nil
}

// readPrivate refuses a key that others than its owner can read.
func readPrivate(root system.Root, path string) ([]byte, error) {
	f, err := os.Open(root.Path(path))
	if err != nil {
		return nil, fmt.Errorf("cannot read key %s: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read key %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read key %s: it is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use key %s: its mode is %04o, so others than its owner can read it; run 'chmod 0400 %s', and make a new key if anybody may have read it", path, info.Mode().Perm(), path)
	}
	return io.ReadAll(f)
}

// Decrypt returns every value of a sops file (YAML, JSON, dotenv, INI or binary) by
// its path in the document, "a/b" for nested ones, list positions included.
// name is how errors call the file; no error holds a value.
func (k Keyring) Decrypt(sopsFile []byte, name string) (map[string]string, error) {
	values, err := k.decrypt(sopsFile)
	if err != nil {
		return nil, fmt.Errorf("cannot decrypt %s: %w", name, err)
	}
	return values, nil
}

// Check decrypts everything that the host needs, in memory, and returns every
// problem at once: nothing about secrets can fail later but the writing itself.
func (k Keyring) Check(host *spec.Host, blob func(digest string) ([]byte, error)) error {
	_, err := k.load(host, blob)
	return err
}

// Value decrypts one secret: a password hash, for the account that is made
// with it.
func (k Keyring) Value(s spec.Secret, blob func(digest string) ([]byte, error)) (string, error) {
	file, err := blob(s.FileDigest)
	if err != nil {
		return "", err
	}
	values, err := k.decrypt(file)
	if err != nil {
		return "", err
	}
	value, ok := values[s.Key]
	if !ok {
		return "", fmt.Errorf("the encrypted file has no value %q%s", s.Key, nearest(s.Key, sortedKeys(values)))
	}
	return value, nil
}

// loaded is what an installation writes.
type loaded struct {
	values   map[string]string // by secret name
	rendered map[string]string // by path of the file
}

func (k Keyring) load(host *spec.Host, blob func(digest string) ([]byte, error)) (*loaded, error) {
	l := &loaded{values: map[string]string{}, rendered: map[string]string{}}
	problems := k.loadValues(host, blob, l.values)
	for _, path := range sortedKeys(host.Files) {
		file := host.Files[path]
		if len(file.Secrets) == 0 {
			continue
		}
		text, err := contentOf(file, blob)
		if err == nil {
			text, err = render(text, l.values, host.Secrets)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s%s: %v", spec.ID{Kind: spec.KindFile, Name: path}, at(host, spec.KindFile, path), err))
		}
		l.rendered[path] = text
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("cannot provide the secrets of %s:\n  %s", host.Name, strings.Join(problems, "\n  "))
	}
	return l, nil
}

func (k Keyring) loadValues(host *spec.Host, blob func(digest string) ([]byte, error), into map[string]string) (problems []string) {
	users := map[string][]string{} // secrets by file
	for _, name := range sortedKeys(host.Secrets) {
		d := host.Secrets[name].FileDigest
		users[d] = append(users[d], name)
	}
	for _, digest := range sortedKeys(users) {
		file, err := blob(digest)
		var values map[string]string
		if err == nil {
			values, err = k.Decrypt(file, fileName(host, digest))
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", strings.Join(users[digest], ", "), err))
			continue
		}
		for _, name := range users[digest] {
			key := host.Secrets[name].Key
			value, ok := values[key]
			if !ok {
				problems = append(problems, fmt.Sprintf("%s%s: %s has no value %q%s", spec.ID{Kind: spec.KindSecret, Name: name},
					at(host, spec.KindSecret, name), fileName(host, digest), key, nearest(key, sortedKeys(values))))
				continue
			}
			into[name] = value
		}
	}
	return problems
}

func contentOf(file spec.File, blob func(digest string) ([]byte, error)) (string, error) {
	if file.Content != "" || file.Digest == "" {
		return file.Content, nil
	}
	b, err := blob(file.Digest)
	return string(b), err
}

// fileName is the encrypted file as people know it; a stored generation knows
// its digest only.
func fileName(host *spec.Host, digest string) string {
	if path := host.Blobs[digest]; path != "" {
		return path
	}
	return "the encrypted file " + digest[:min(12, len(digest))]
}

func at(host *spec.Host, kind spec.Kind, name string) string {
	if o := host.Origins[spec.ID{Kind: kind, Name: name}]; o.File != "" {
		return " (" + o.String() + ")"
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// nearest suggests keys that a person may have meant: those below the missing
// one, of the same last part, or with a spelling at most two letters away.
func nearest(missing string, keys []string) string {
	last := func(k string) string { return k[strings.LastIndex(k, "/")+1:] }
	var like []string
	for _, k := range keys {
		if strings.HasPrefix(k, missing+"/") || last(k) == last(missing) || levenshtein.Distance(k, missing, nil) <= 2 {
			like = append(like, k)
		}
	}
	if len(like) == 0 {
		return fmt.Sprintf("; it has %s", listed(keys))
	}
	return fmt.Sprintf("; did you mean %s?", listed(like))
}

func listed(keys []string) string {
	const most = 8
	if len(keys) == 0 {
		return "no values"
	}
	if len(keys) > most {
		return strings.Join(keys[:most], ", ") + fmt.Sprintf(" and %d more", len(keys)-most)
	}
	return strings.Join(keys, ", ")
}
