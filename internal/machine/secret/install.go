package secret

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Installed says what an installation changed.
type Installed struct {
	Secrets []string `json:"secrets"` // names whose value, owner, group or mode changed, that came or that went
	Files   []string `json:"files"`   // paths of files whose rendering did

	values, former map[string]string // by name: that are installed, and that were before
	made           []hider
}

// item is one file of a set.
type item struct {
	path     string // absolute, as programs open it
	data     string
	mode     os.FileMode
	uid, gid int
	secret   string // its name, or
	file     string // the path of the file that it is the rendering of
}

// Install writes the secrets of host, and the files that contain their values,
// below /run, as a new set that replaces the old one at once. It decrypts, renders
// and looks up everything before it writes anything. If nothing changes, it writes
// nothing. For a host without secrets, it leaves nothing below /run.
func Install(root system.Root, host *spec.Host, files func(digest string) ([]byte, error), keys Keyring) (*Installed, error) {
	old, number, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	items, changed, err := prepare(root, root, host, files, keys, old)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return changed, unmount(root)
	}
	wanted := manifestOf(host)
	if len(changed.Secrets)+len(changed.Files) == 0 && reflect.DeepEqual(old, wanted) {
		return changed, nil
	}
	if err := mount(root); err != nil {
		return nil, err
	}
	if err := writeSet(root, number+1, items, wanted); err != nil {
		return nil, err
	}
	return changed, dropOthers(root, number+1)
}

// Foresee says what Install would change, and writes nothing. The accounts are
// those of another root: those that the change will make are not on the host yet.
func Foresee(root, accounts system.Root, host *spec.Host, files func(digest string) ([]byte, error), keys Keyring) (*Installed, error) {
	old, _, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	_, changed, err := prepare(root, accounts, host, files, keys, old)
	return changed, err
}

// prepare decrypts, renders and looks up everything that host wants, and
// compares it with what is installed, old.
func prepare(root, accounts system.Root, host *spec.Host, files func(digest string) ([]byte, error), keys Keyring, old *manifest) ([]item, *Installed, error) {
	values, err := keys.load(host, files)
	if err != nil {
		return nil, nil, err
	}
	items, err := itemsOf(accounts, host, values)
	if err != nil {
		return nil, nil, err
	}
	changed := compare(root, items, old)
	changed.values, changed.former = values.values, valuesOf(root, old)
	return items, changed, nil
}

func itemsOf(root system.Root, host *spec.Host, l *loaded) ([]item, error) {
	ids, err := readIDs(root)
	if err != nil {
		return nil, err
	}
	var items []item
	var problems []string
	add := func(it item, id spec.ID, owner, group, mode string) {
		var err error
		if it.uid, it.gid, it.mode, err = ids.resolve(owner, group, mode); err != nil {
			problems = append(problems, fmt.Sprintf("%s%s: %v", id, at(host, id.Kind, id.Name), err))
		}
		items = append(items, it)
	}
	for _, name := range sortedKeys(host.Secrets) {
		s, id := host.Secrets[name], spec.ID{Kind: spec.KindSecret, Name: name}
		if !goodName(name) {
			problems = append(problems, fmt.Sprintf("%s: a secret's name is a relative path, and not below rendered", id))
		}
		add(item{path: s.Path(name), data: l.values[name], secret: name}, id, s.Owner, s.Group, s.Mode)
	}
	for _, path := range sortedKeys(l.rendered) {
		f := host.Files[path]
		it := item{path: spec.RenderedPath(path), data: l.rendered[path], file: path}
		add(it, spec.ID{Kind: spec.KindFile, Name: path}, f.Owner, f.Group, f.Mode)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("cannot install secrets:\n  %s", strings.Join(problems, "\n  "))
	}
	return items, nil
}

func goodName(name string) bool {
	return filepath.IsLocal(name) && filepath.Clean(name) == name && name != "." &&
		name != "rendered" && !strings.HasPrefix(name, "rendered/")
}

// compare finds what differs between items and what is installed now, both in
// memory: no digest of a value is ever stored, a short one could be guessed.
func compare(root system.Root, items []item, old *manifest) *Installed {
	out := &Installed{}
	goneSecrets, goneFiles := map[string]bool{}, map[string]bool{}
	for name := range old.Secrets {
		goneSecrets[name] = true
	}
	for path := range old.Files {
		goneFiles[path] = true
	}
	changedSecrets, changedFiles := map[string]bool{}, map[string]bool{}
	for _, it := range items {
		delete(goneSecrets, it.secret)
		delete(goneFiles, it.file)
		switch {
		case it.same(root):
		case it.secret != "":
			changedSecrets[it.secret] = true
		default:
			changedFiles[it.file] = true
		}
	}
	maps.Copy(changedSecrets, goneSecrets)
	maps.Copy(changedFiles, goneFiles)
	out.Secrets, out.Files = sortedKeys(changedSecrets), sortedKeys(changedFiles)
	return out
}

func (it item) same(root system.Root) bool {
	path := root.Path(it.path)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != it.mode.Perm() {
		return false
	}
	st := info.Sys().(*syscall.Stat_t)
	if int(st.Uid) != it.uid || int(st.Gid) != it.gid {
		return false
	}
	data, err := os.ReadFile(path)
	return err == nil && bytes.Equal(data, []byte(it.data))
}

// writeSet writes set number and points the links to it.
func writeSet(root system.Root, number int, items []item, m *manifest) error {
	set := filepath.Join(mountPoint, strconv.Itoa(number))
	users := set + ".users"
	// What a killed run left of a set of the same number.
	if err := errors.Join(os.RemoveAll(root.Path(set)), os.RemoveAll(root.Path(users))); err != nil {
		return fmt.Errorf("cannot write secrets: %w", err)
	}
	if err := errors.Join(mkdir(root.Path(set), 0o751), mkdir(root.Path(users), 0o700)); err != nil {
		return fmt.Errorf("cannot write secrets: %w", err)
	}
	for _, it := range items {
		path, below := set+strings.TrimPrefix(it.path, linkSecrets), set
		if rest, ok := strings.CutPrefix(it.path, linkUsers+"/"); ok {
			path, below = filepath.Join(users, rest), users
		}
		if err := it.write(root.Path(below), strings.TrimPrefix(path, below+"/")); err != nil {
			return fmt.Errorf("cannot write %s: %w", it.path, err)
		}
	}
	if err := m.write(root, number); err != nil {
		return err
	}
	if err := swap(root, linkUsers, users); err != nil {
		return err
	}
	return swap(root, linkSecrets, set)
}

// write gives the file its owner and mode before it has content.
func (it item) write(dir, name string) error {
	for parent, rest := dir, filepath.Dir(name); rest != "."; {
		first, more, _ := strings.Cut(rest, "/")
		parent = filepath.Join(parent, first)
		if err := mkdir(parent, 0o751); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if rest = more; rest == "" {
			break
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = f.Chown(it.uid, it.gid)
	if err == nil {
		err = f.Chmod(it.mode)
	}
	if err == nil {
		_, err = f.WriteString(it.data)
	}
	return errors.Join(err, f.Close())
}

// mkdir makes a folder of exactly this mode, whatever the umask.
func mkdir(path string, mode os.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// swap makes link point to target in one step.
func swap(root system.Root, link, target string) error {
	temp := link + ".new"
	if err := os.Remove(root.Path(temp)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot put secrets in place: %w", err)
	}
	if err := os.Symlink(target, root.Path(temp)); err != nil {
		return fmt.Errorf("cannot put secrets in place: %w", err)
	}
	err := os.Rename(root.Path(temp), root.Path(link))
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTEMPTY) {
		return fmt.Errorf("cannot put secrets in place: %s is a folder that hostctl did not make; move it away", link)
	}
	if err != nil {
		return fmt.Errorf("cannot put secrets in place: %w", err)
	}
	return nil
}

// dropOthers removes every set but the one in use.
func dropOthers(root system.Root, number int) error {
	entries, err := os.ReadDir(root.Path(mountPoint))
	if err != nil {
		return fmt.Errorf("cannot remove the former secrets: %w", err)
	}
	keep := strconv.Itoa(number)
	for _, e := range entries {
		if base, _, _ := strings.Cut(e.Name(), "."); base == keep {
			continue
		}
		if err := os.RemoveAll(root.Path(filepath.Join(mountPoint, e.Name()))); err != nil {
			return fmt.Errorf("cannot remove the former secrets: %w", err)
		}
	}
	return nil
}
