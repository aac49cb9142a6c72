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

// Kind names one sort of resource, as a configuration writes it.
type Kind string

// The kinds, in the order in which a stage writes them: packages install the
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

// Origin is the place of a resource's strongest definition.
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

// Host is what one host should be: the result of evaluation, and the only part of
// it that later phases read. Its canonical form is JSON (encoding/json sorts map
// keys), and Digest is the digest of that.
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

	// Origins says which line asked for each resource. It is not part of the spec:
	// moving a line does not change what a host is.
	Origins map[ID]Origin `json:"-"`
	// Blobs maps each File.Digest that came from a source file, and each
	// Secret.FileDigest, to where its bytes can be read.
	Blobs map[string]string `json:"-"`
}

// Settings are the settings of the engine itself.
type Settings struct {
	PackageMode string   `json:"package_mode"`           // "additive" or "strict"
	AgeKeyFile  string   `json:"age_key_file"`           // this host's private age key
	Hostctl     string   `json:"hostctl"`                // path of the hostctl binary on the host, for its boot units
	HealthUnits []string `json:"health_units,omitempty"` // units that must be active after activation, in addition to those that the spec enables
	HealthWait  int      `json:"health_wait"`            // seconds that a unit may take to become healthy
	MaxRemovals *int     `json:"max_removals,omitempty"` // packages that one switch may remove unasked in strict mode; nil is not set
}

// Package asks for a Debian package, or for its absence.
type Package struct {
	From   string `json:"from,omitempty"`   // name of the input it must come from; empty is the first debian input
	Absent bool   `json:"absent,omitempty"` // it must not be installed, whatever depends on it
}

// FileType says what is at a path.
type FileType string

// The types of a File.
const (
	Regular   FileType = "file"
	Directory FileType = "directory"
	Symlink   FileType = "symlink"
	// Other is a socket, a pipe or a device: never what a spec wants.
	Other FileType = "special file"
	// Hidden is only in a State: a folder of the path is a link that is not
	// followed, and Target names it.
	Hidden FileType = "behind a link"
)

// Unread is the Digest of a regular file in a State that was not read, because it
// is large and its size in bytes is not the wanted one.
func Unread(size int64) string { return fmt.Sprintf("%d bytes", size) }

// IsUnread reports whether a digest is one of Unread's.
func IsUnread(digest string) bool {
	n, ok := strings.CutSuffix(digest, " bytes")
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}

// File is a path that the spec owns. In a wanted Host, the bytes of a regular file
// are either in Content (Digest then follows from it) or in Blobs[Digest]. In a
// State only Digest is set, and Content for world-readable text of at most 64 KiB,
// for diffs.
type File struct {
	Type    FileType `json:"type"`
	Content string   `json:"content,omitempty"`
	Digest  string   `json:"digest,omitempty"` // hex SHA-256 of the bytes; regular files only
	Target  string   `json:"target,omitempty"` // symlinks only
	Mode    string   `json:"mode,omitempty"`   // four octal digits, "0644"; empty for symlinks
	Owner   string   `json:"owner"`            // account names; numeric if a State has no name
	Group   string   `json:"group"`
	// Secrets names the secrets whose placeholders {{secret:NAME|ESCAPER}} are in
	// Content. Activation renders such a file to tmpfs, and its path is a symlink to
	// the rendered file.
	Secrets []string `json:"secrets,omitempty"`
	// Xattrs are the names of a regular file's extended attributes that grant
	// something or that somebody set: capabilities, ACLs and user.*. Only a State
	// has them, never a file of a spec.
	Xattrs []string `json:"xattrs,omitempty"`
	// Check runs in the stage with {path} replaced. A non-zero exit refuses the
	// whole change.
	Check []string `json:"check,omitempty"`
}

// RenderedPath is the target of the symlink at path if the file contains secrets:
// its bytes exist only on tmpfs.
func RenderedPath(path string) string {
	return "/run/secrets/rendered/" + Sum([]byte(path))
}

// FromBlob reports whether a wanted file's bytes are a blob, and not Content.
func (f File) FromBlob() bool {
	return f.Type == Regular && f.Content == "" && f.Digest != "" && f.Digest != Sum(nil)
}

// Unit is a systemd unit: its whole file, drop-ins for somebody else's, and
// whether it is enabled or masked. Nil means that the spec does not say.
type Unit struct {
	Content          string            `json:"content,omitempty"`  // written to /etc/systemd/system/NAME
	DropIns          map[string]string `json:"drop_ins,omitempty"` // file name (10-x.conf) to content, below NAME.d
	Enabled          *bool             `json:"enabled,omitempty"`
	Masked           *bool             `json:"masked,omitempty"`
	RestartTriggers  []string          `json:"restart_triggers,omitempty"` // file paths, units or packages whose change restarts it
	ReloadTriggers   []string          `json:"reload_triggers,omitempty"`
	ReloadIfChanged  bool              `json:"reload_if_changed,omitempty"`  // reload instead of restart
	RestartIfChanged *bool             `json:"restart_if_changed,omitempty"` // nil is true
	// Altered is the mode, owner and group of a State's unit file ("") and drop-ins,
	// by name, if they differ from what hostctl writes: PlainFile.
	Altered map[string]string `json:"-"`
	// Stray and Missing are for a State's unit that is enabled and should be: its
	// links that no [Install] section asks for, and links that one asks for and that
	// do not exist.
	Stray   []string `json:"-"`
	Missing []string `json:"-"`
}

// PlainFile is how hostctl writes its own files: mode, owner and group.
const PlainFile = "0644 root root"

// User is an account. In a wanted Host, nil and empty mean "not set": an existing
// account stays as it is, and for a new one useradd chooses. Groups are exactly all
// supplementary groups.
type User struct {
	UID    *int     `json:"uid,omitempty"`
	Group  string   `json:"group,omitempty"` // primary
	Groups []string `json:"groups"`
	Home   string   `json:"home,omitempty"`
	// NewHome is the home of a new account if Home is not set: the one that the
	// configuration assumes.
	NewHome string `json:"new_home,omitempty"`
	Shell   string `json:"shell,omitempty"`
	Comment string `json:"comment,omitempty"`
	System  bool   `json:"system,omitempty"`
	Absent  bool   `json:"absent,omitempty"` // the account must not exist; its other fields have no effect
	// PasswordSecret names the secret with the crypt(5) hash. It is set when the
	// account is created and never afterwards: passwords belong to the user.
	PasswordSecret string `json:"password_secret,omitempty"`
}

// Group is a Unix group.
type Group struct {
	GID    *int `json:"gid,omitempty"`
	System bool `json:"system,omitempty"`
	Absent bool `json:"absent,omitempty"` // the group must not exist
}

// Secret is one value in a sops file and its place on the host. The value itself
// is never here.
type Secret struct {
	FileDigest string `json:"file_digest"` // hex SHA-256 of the encrypted file
	Key        string `json:"key"`         // path in the decrypted document, a/b for nested
	Owner      string `json:"owner"`
	Group      string `json:"group"`
	Mode       string `json:"mode"`
	// NeededForUsers puts it below /run/secrets-for-users, for root only, before
	// accounts are created, rather than below /run/secrets.
	NeededForUsers bool     `json:"needed_for_users,omitempty"`
	RestartUnits   []string `json:"restart_units,omitempty"`
}

// Path is the path of the secret called name on the running host.
func (s Secret) Path(name string) string {
	if s.NeededForUsers {
		return "/run/secrets-for-users/" + name
	}
	return "/run/secrets/" + name
}

// At is the place that asks for a resource, for an error: " (FILE:LINE)", or "".
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
