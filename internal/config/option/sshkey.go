package option

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/crypto/ssh"
)

// checkPublicKey checks that v can be a line of an authorized_keys file (sshd(8)).
// It removes the line break of a key that was read from a file.
func checkPublicKey(v cty.Value) (cty.Value, error) {
	line := strings.TrimRight(v.AsString(), "\r\n")
	if strings.Contains(line, "PRIVATE KEY-----") {
		return v, errors.New("this is a private key, and everybody who reads the configuration can use it: remove it, make a new pair, and write the public key, which ssh-keygen puts into the file that ends in .pub")
	}
	if strings.ContainsAny(line, "\r\n") {
		return v, errors.New(`expected one public SSH key, got several lines: write each as an element, such as split("\n", trimspace(file("./keys")))`)
	}
	_, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err == nil:
		return cty.StringVal(line), nil
	case strings.HasSuffix(line, ".pub"):
		return v, fmt.Errorf("expected a public SSH key, got the name of a file: write file(%q) with its path in the flake", "./"+line[strings.LastIndex(line, "/")+1:])
	case strings.Contains(line, "AAAA"):
		return v, errors.New("this public SSH key is incomplete or misspelt: copy it again, in one line")
	}
	return v, fmt.Errorf("expected %s, got %s", article(Type{Kind: PublicKey}), Describe(v))
}
