package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// manifest is stored next to a set and says what is in it, without any value or
// digest of one.
type manifest struct {
	Version int                    `json:"version"`
	Secrets map[string]spec.Secret `json:"secrets"`
	Files   map[string]rendering   `json:"files"`
}

// rendering is a file that contains secrets.
type rendering struct {
	Secrets []string `json:"secrets"`
	Owner   string   `json:"owner"`
	Group   string   `json:"group"`
	Mode    string   `json:"mode"`
}

const manifestVersion = 1

func manifestOf(host *spec.Host) *manifest {
	m := &manifest{Version: manifestVersion, Secrets: map[string]spec.Secret{}, Files: map[string]rendering{}}
	for name, s := range host.Secrets {
		m.Secrets[name] = s
	}
	for path, f := range host.Files {
		if len(f.Secrets) > 0 {
			m.Files[path] = rendering{Secrets: f.Secrets, Owner: f.Owner, Group: f.Group, Mode: f.Mode}
		}
	}
	return m
}

func (m *manifest) write(root system.Root, number int) error {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	path := root.Path(filepath.Join(mountPoint, strconv.Itoa(number)+".json"))
	if err := system.WriteFile(path, append(b, '\n'), 0o600, os.Geteuid(), os.Getegid()); err != nil {
		return fmt.Errorf("cannot write the manifest of the secrets: %w", err)
	}
	return nil
}

// readManifest returns the manifest of the set in use and its number. Without
// one it is empty, and the number is 0.
func readManifest(root system.Root) (*manifest, int, error) {
	empty := &manifest{Secrets: map[string]spec.Secret{}, Files: map[string]rendering{}}
	target, err := os.Readlink(root.Path(linkSecrets))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.EINVAL) { // none, or not a link
		return empty, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read %s: %w", linkSecrets, err)
	}
	number, err := strconv.Atoi(strings.TrimPrefix(target, mountPoint+"/"))
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read %s: it points to %s, which is not hostctl's; remove it if no other tool needs it", linkSecrets, target)
	}
	b, err := os.ReadFile(root.Path(filepath.Join(mountPoint, strconv.Itoa(number)+".json")))
	if errors.Is(err, os.ErrNotExist) { // unmounted by hand: as if never installed
		return empty, number, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read the manifest of the installed secrets: %w", err)
	}
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil || m.Version != manifestVersion {
		return nil, 0, fmt.Errorf("cannot read the manifest of the installed secrets: it is not of version %d; unmount %s and install them again", manifestVersion, mountPoint)
	}
	return m, number, nil
}

// Read returns the installed secrets that are still there, with the owner,
// group and mode that they have now.
func Read(root system.Root) (map[string]spec.Secret, error) {
	m, _, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	ids, err := readIDs(root)
	if err != nil {
		return nil, err
	}
	out := map[string]spec.Secret{}
	for name, s := range m.Secrets {
		info, err := os.Lstat(root.Path(s.Path(name)))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot look at secret %s: %w", name, err)
		}
		st := info.Sys().(*syscall.Stat_t)
		s.Owner, s.Group = ids.names(int(st.Uid), int(st.Gid))
		s.Mode = fmt.Sprintf("%04o", st.Mode&0o7777)
		out[name] = s
	}
	return out, nil
}
