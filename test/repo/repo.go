// Package repo builds tiny Debian archives for tests: packages made with
// dpkg-deb, indexes, and a Release that is signed with a key of its own. They
// are real: apt verifies and installs from them, by file:// or http://.
package repo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Suites of every repository. The packages are in the first and in the last, which
// has no updates suite; the one between is empty.
const (
	Suite   = "trixie"
	Updates = "trixie-updates"
	Rolling = "sid"
)

// Repo is an archive in a folder of the test.
type Repo struct {
	t       testing.TB
	Dir     string // dists and pool
	Keyring string // what to verify it with
	arch    string
	key     *openpgp.Entity
	debs    []published
	times   int // that a Release was published
}

type published struct {
	control string
	path    string // below Dir
	size    int
	sum     string
}

// New makes an empty archive for the architecture of this machine, signed and
// valid for a week.
func New(t testing.TB) *Repo {
	t.Helper()
	key, err := openpgp.NewEntity("hostctl test archive", "", "archive@example.org", &packet.Config{RSABits: 2048})
	if err != nil {
		t.Fatalf("cannot make a signing key: %v", err)
	}
	r := &Repo{t: t, Dir: t.TempDir(), key: key, arch: architecture(t)}
	r.Keyring = filepath.Join(t.TempDir(), "archive.gpg")
	var public bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatalf("cannot write the keyring: %v", err)
	}
	r.write(r.Keyring, public.Bytes())
	r.Publish()
	return r
}

func architecture(t testing.TB) string {
	out, err := exec.Command("dpkg", "--print-architecture").Output()
	if err != nil {
		t.Fatalf("cannot run dpkg: %v; these tests need a Debian machine", err)
	}
	return strings.TrimSpace(string(out))
}

// Arch is the archive's one architecture.
func (r *Repo) Arch() string { return r.arch }

// URL is the archive as file:// mirror.
func (r *Repo) URL() string { return "file://" + r.Dir }

// Serve is the archive as http:// mirror on 127.0.0.1, until the test ends.
func (r *Repo) Serve() string {
	server := httptest.NewServer(http.FileServer(http.Dir(r.Dir)))
	r.t.Cleanup(server.Close)
	return server.URL
}

// Add builds packages into the pool and publishes them in addition to what is there.
func (r *Repo) Add(packages ...Package) {
	r.t.Helper()
	for _, p := range packages {
		r.debs = append(r.debs, r.build(p))
	}
	r.Publish()
}

// Replace is Add after taking everything away: from the indexes, and from the
// pool, as a mirror does with old versions.
func (r *Repo) Replace(packages ...Package) {
	r.t.Helper()
	r.debs = nil
	if err := os.RemoveAll(filepath.Join(r.Dir, "pool")); err != nil {
		r.t.Fatal(err)
	}
	r.Add(packages...)
}

// Tamper appends a byte to a .deb in the pool; the index keeps its digest.
func (r *Repo) Tamper(name string) {
	r.t.Helper()
	for _, d := range r.debs {
		if strings.HasPrefix(filepath.Base(d.path), name+"_") {
			path := filepath.Join(r.Dir, d.path)
			data, err := os.ReadFile(path)
			if err != nil {
				r.t.Fatal(err)
			}
			data[len(data)-1] ^= 1
			r.write(path, data)
		}
	}
}

// Publish writes and signs the indexes.
func (r *Repo) Publish() { r.t.Helper(); r.release(time.Now(), r.key) }

// Expire publishes a Release that was valid until yesterday.
func (r *Repo) Expire() { r.t.Helper(); r.release(time.Now().Add(-8*24*time.Hour), r.key) }

// Unsign publishes a Release without a signature.
func (r *Repo) Unsign() { r.t.Helper(); r.release(time.Now(), nil) }

// SignWrongly publishes a Release that another key has signed.
func (r *Repo) SignWrongly() {
	r.t.Helper()
	key, err := openpgp.NewEntity("somebody else", "", "else@example.org", &packet.Config{RSABits: 2048})
	if err != nil {
		r.t.Fatal(err)
	}
	r.release(time.Now(), key)
}

// release writes the suites as of a day; a nil key leaves them unsigned.
func (r *Repo) release(day time.Time, key *openpgp.Entity) {
	r.t.Helper()
	if err := os.RemoveAll(filepath.Join(r.Dir, "dists")); err != nil {
		r.t.Fatal(err)
	}
	r.times++
	for _, suite := range []string{Suite, Updates, Rolling} {
		var index []byte
		if suite != Updates {
			index = r.packages()
		}
		name := "main/binary-" + r.arch + "/Packages"
		r.write(filepath.Join(r.Dir, "dists", suite, name), index)
		sum := sha256.Sum256(index)
		stamp := "Mon, 02 Jan 2006 15:04:05 UTC"
		text := fmt.Sprintf("Origin: Test\nLabel: Test\nSuite: %s\nCodename: %s\nDate: %s\nValid-Until: %s\nArchitectures: %s\nComponents: main\nSHA256:\n %s %d %s\n",
			suite, suite, day.UTC().Format(stamp), day.Add(7*24*time.Hour).UTC().Format(stamp), r.arch, hex.EncodeToString(sum[:]), len(index), name)
		file, data := "Release", []byte(text)
		if key != nil {
			file, data = "InRelease", r.clearSign(text, key)
		}
		file = filepath.Join(r.Dir, "dists", suite, file)
		r.write(file, data)
		// apt asks for a Release again only when its time is another, in
		// seconds; a test publishes faster than that.
		changed := time.Now().Add(time.Duration(r.times) * time.Second)
		if err := os.Chtimes(file, changed, changed); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *Repo) clearSign(text string, key *openpgp.Entity) []byte {
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, key.PrivateKey, nil)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		r.t.Fatalf("cannot sign the Release: %v", err)
	}
	return append(out.Bytes(), '\n')
}

func (r *Repo) packages() []byte {
	sort.Slice(r.debs, func(i, j int) bool { return r.debs[i].path < r.debs[j].path })
	var out bytes.Buffer
	for _, d := range r.debs {
		fmt.Fprintf(&out, "%sFilename: %s\nSize: %d\nSHA256: %s\n\n", d.control, d.path, d.size, d.sum)
	}
	return out.Bytes()
}

func (r *Repo) write(path string, data []byte) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		r.t.Fatal(err)
	}
}
