// Package spec is the language that config, machine and change share: what a
// host should be (Host), what it is (State), and one step between the two
// (Change). It is plain data: it reads no file, runs no program and knows
// neither HCL nor Debian's tools.
package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"
)

// Version of the resolved spec's JSON form. A reader refuses any other.
const Version = 1

// Kind names one sort of resource, as it is written in a configuration.
type Kind string

// The kinds, in the order in which a stage writes them: packages bring the
// programs and groups that everything after them needs.
const (
	KindPackage      Kind = "package"
	KindGroup        Kind = "group"
	KindUser         Kind = "user"
	KindSecret       Kind = "secret"
	KindFile         Kind = "file"
	KindSysctl       Kind = "sysctl"
	KindKernelModule Kind = "kernel_module"
	KindUnit         Kind = "unit"
	KindSettings     Kind = "settings" // of hostctl itself, on this host
)

// Kinds lists every kind that a switch applies, in stage order.
func Kinds() []Kind {
	return []Kind{KindPackage, KindGroup, KindUser, KindSecret, KindFile, KindSysctl, KindKernelModule, KindUnit, KindSettings}
}

// ID names one resource.
type ID struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

// String is the path of the resource in the language, file["/etc/motd"].
func (id ID) String() string { return fmt.Sprintf("%s[%q]", id.Kind, id.Name) }

// MarshalText makes an ID usable as a JSON object key.
func (id ID) MarshalText() ([]byte, error) { return []byte(string(id.Kind) + ":" + id.Name), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) error {
	for i, c := range b {
		if c == ':' {
			id.Kind, id.Name = Kind(b[:i]), string(b[i+1:])
			return nil
		}
	}
	return fmt.Errorf("cannot read resource id %q: no kind before a colon", b)
}

// Origin is where the strongest definition of a resource stands.
type Origin struct {
	File  string `json:"file"` // relative to the flake's root; "library/…" for the embedded library
	Line  int    `json:"line"`
	Layer string `json:"layer"` // library, flake, template or host
}

func (o Origin) String() string {
	if o.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Host is what one host should be: the result of evaluation and the only
// thing that anything after evaluation reads. Its canonical form is JSON
// (encoding/json sorts map keys); Digest is taken over that.
type Host struct {
	Version       int                `json:"version"`
	Name          string             `json:"name"`
	System        string             `json:"system"` // Debian architecture
	Settings      Settings           `json:"settings"`
	Packages      map[string]Package `json:"package"`
	Groups        map[string]Group   `json:"group"`
	Users         map[string]User    `json:"user"`
	Secrets       map[string]Secret  `json:"secret"`
	Files         map[string]File    `json:"file"`
	Sysctls       map[string]string  `json:"sysctl"`
	KernelModules []string           `json:"kernel_module"`
	Units         map[string]Unit    `json:"unit"`
	Disks         map[string]Disk    `json:"disk,omitempty"`
	Zpools        map[string]Zpool   `json:"zpool,omitempty"`
	Mounts        map[string]Mount   `json:"mount,omitempty"`
	Swaps         map[string]Swap    `json:"swap,omitempty"`
	Boot          *Boot              `json:"boot,omitempty"`

	// Origins says which line asked for each resource. It is kept beside
	// the spec, not in it: moving a line does not change what a host is.
	Origins map[ID]Origin `json:"-"`
	// Blobs maps the digest of each File.Digest that came from a source
	// file, and of each Secret.FileDigest, to where its bytes can be read.
	Blobs map[string]string `json:"-"`
}

// Settings are what the engine itself is told.
type Settings struct {
	PackageMode string   `json:"package_mode"`           // "additive" or "strict"
	AgeKeyFile  string   `json:"age_key_file"`           // this host's private age key
	Hostctl     string   `json:"hostctl"`                // path of the hostctl binary on the host, for its boot units
	HealthUnits []string `json:"health_units,omitempty"` // units that must be active after activation, beside those that the spec enables
	HealthWait  int      `json:"health_wait"`            // seconds that a unit may take to become healthy
	MaxRemovals *int     `json:"max_removals,omitempty"` // packages that one switch may remove unasked in strict mode; nil is not said
}

// Package asks for a Debian package, or for its absence.
type Package struct {
	From   string `json:"from,omitempty"`   // name of the input it must come from; empty is the first debian input
	Absent bool   `json:"absent,omitempty"` // it must not be installed, whatever else is
}

// FileType says what stands at a path.
type FileType string

// The types of a File.
const (
	Regular   FileType = "file"
	Directory FileType = "directory"
	Symlink   FileType = "symlink"
	// Other is a socket, a pipe or a device: never what a spec wants.
	Other FileType = "special file"
	// Hidden is of a State: a folder of the path is a link that is not followed,
	// and Target names it.
	Hidden FileType = "behind a link"
)

// Unread is the Digest of a regular file in a State that was not read, since it
// is large and has not the wanted size, in bytes.
func Unread(size int64) string { return fmt.Sprintf("%d bytes", size) }

// IsUnread reports whether a digest is one of Unread's.
func IsUnread(digest string) bool {
	n, ok := strings.CutSuffix(digest, " bytes")
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}

// File is a path that the spec owns. In a wanted Host exactly one of Content
// (Digest then follows from it) and Blobs[Digest] holds a regular file's
// bytes; in a State only Digest is set, and Content where it is world
// readable text of at most 64 KiB, for diffs.
type File struct {
	Type    FileType `json:"type"`
	Content string   `json:"content,omitempty"`
	Digest  string   `json:"digest,omitempty"` // hex SHA-256 of the bytes; regular files only
	Target  string   `json:"target,omitempty"` // symlinks only
	Mode    string   `json:"mode,omitempty"`   // four octal digits, "0644"; empty for symlinks
	Owner   string   `json:"owner"`            // account names; numeric where a State has no name
	Group   string   `json:"group"`
	// Secrets names the secrets whose placeholders {{secret:NAME|ESCAPER}}
	// Content bears. Such a file is rendered to tmpfs at activation and its
	// path is a symlink to the rendering.
	Secrets []string `json:"secrets,omitempty"`
	// Xattrs are the names of those extended attributes of a regular file
	// that grant something or were put there by hand: capabilities, ACLs and
	// user.*. A State alone has them; no file of a spec does.
	Xattrs []string `json:"xattrs,omitempty"`
	// Check is run in the stage with {path} replaced; a non-zero exit
	// refuses the whole change.
	Check []string `json:"check,omitempty"`
}

// RenderedPath is the target of the symlink that stands at path when the file
// there bears secrets: its bytes exist on tmpfs only.
func RenderedPath(path string) string {
	return "/run/secrets/rendered/" + Sum([]byte(path))
}

// FromBlob reports whether a wanted file's bytes are a blob, and not Content.
func (f File) FromBlob() bool {
	return f.Type == Regular && f.Content == "" && f.Digest != "" && f.Digest != Sum(nil)
}

// Unit is a systemd unit: its whole file, drop-ins to somebody else's, and
// whether it is enabled or masked. Nil means that the spec does not say.
type Unit struct {
	Content          string            `json:"content,omitempty"`  // written to /etc/systemd/system/NAME
	DropIns          map[string]string `json:"drop_ins,omitempty"` // file name (10-x.conf) to content, below NAME.d
	Enabled          *bool             `json:"enabled,omitempty"`
	Masked           *bool             `json:"masked,omitempty"`
	RestartTriggers  []string          `json:"restart_triggers,omitempty"` // file paths, units or packages whose change restarts it
	ReloadTriggers   []string          `json:"reload_triggers,omitempty"`
	ReloadIfChanged  bool              `json:"reload_if_changed,omitempty"`  // reload where restart would be due
	RestartIfChanged *bool             `json:"restart_if_changed,omitempty"` // nil is true
	// Altered says of a State's unit file ("") and drop-ins, by name, how they
	// stand where that is not as hostctl writes them: PlainFile.
	Altered map[string]string `json:"-"`
	// Stray and Missing say of a State's unit that is enabled, and is to be, which
	// links of it are there and in no [Install] section, and the other way round.
	Stray   []string `json:"-"`
	Missing []string `json:"-"`
}

// PlainFile is how hostctl writes files of its own: mode, owner and group.
const PlainFile = "0644 root root"

// User is an account. In a wanted Host nil and empty mean "not said": an account
// that exists stays as it is, and for a new one useradd chooses. Groups are all
// supplementary groups, exactly.
type User struct {
	UID    *int     `json:"uid,omitempty"`
	Group  string   `json:"group,omitempty"` // primary
	Groups []string `json:"groups"`
	Home   string   `json:"home,omitempty"`
	// NewHome is the home of an account that is made where Home is not said: the
	// one that the configuration takes for it.
	NewHome string `json:"new_home,omitempty"`
	Shell   string `json:"shell,omitempty"`
	Comment string `json:"comment,omitempty"`
	System  bool   `json:"system,omitempty"`
	Absent  bool   `json:"absent,omitempty"` // there is to be no such account; nothing else of it counts
	// PasswordSecret names the secret that holds the crypt(5) hash. It is
	// set when the account is created and never after: passwords are the
	// user's.
	PasswordSecret string `json:"password_secret,omitempty"`
}

// Group is a Unix group.
type Group struct {
	GID    *int `json:"gid,omitempty"`
	System bool `json:"system,omitempty"`
	Absent bool `json:"absent,omitempty"` // there is to be no such group
}

// Secret is one value of a sops file and where it is put on the host. The
// value itself is never here.
type Secret struct {
	FileDigest string `json:"file_digest"` // hex SHA-256 of the encrypted file
	Key        string `json:"key"`         // path in the decrypted document, a/b for nested
	Owner      string `json:"owner"`
	Group      string `json:"group"`
	Mode       string `json:"mode"`
	// NeededForUsers puts it below /run/secrets-for-users, root only,
	// before accounts are made, rather than below /run/secrets.
	NeededForUsers bool     `json:"needed_for_users,omitempty"`
	RestartUnits   []string `json:"restart_units,omitempty"`
}

// Path is where the secret called name can be read on the running host.
func (s Secret) Path(name string) string {
	if s.NeededForUsers {
		return "/run/secrets-for-users/" + name
	}
	return "/run/secrets/" + name
}

// At says for an error where a resource is asked for: " (FILE:LINE)", or nothing.
func (h *Host) At(id ID) string {
	if o := h.Origins[id].String(); o != "" {
		return " (" + o + ")"
	}
	return ""
}

// Canonical is the JSON that is stored and hashed.
func (h *Host) Canonical() ([]byte, error) { return json.MarshalIndent(h, "", " ") }

// Stored are the digests of the contents that a generation needs after its
// flake is gone: sources of files and encrypted secrets files.
func (h *Host) Stored() []string {
	var out []string
	for _, f := range h.Files {
		if f.FromBlob() {
			out = append(out, f.Digest)
		}
	}
	for _, sec := range h.Secrets {
		out = append(out, sec.FileDigest)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Digest is the hex SHA-256 of Canonical.
func (h *Host) Digest() (string, error) {
	b, err := h.Canonical()
	if err != nil {
		return "", err
	}
	return Sum(b), nil
}

// ReadHost parses what Canonical wrote.
func ReadHost(b []byte) (*Host, error) {
	var h Host
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, fmt.Errorf("cannot read spec: %w", err)
	}
	if h.Version != Version {
		return nil, fmt.Errorf("cannot read spec: its version is %d, this hostctl knows %d", h.Version, Version)
	}
	return &h, nil
}

// Sum is the hex SHA-256 of b, the form of every digest in hostctl.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
