package early

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Mount is a file system beside the root on which a change can have files, and
// how it is mounted before the root's own PID 1 reads fstab(5).
type Mount struct {
	Point   string `json:"point"`  // below the root
	Type    string `json:"type"`   // as mount(2) takes it
	Source  string `json:"source"` // a device by a name that lasts, or a data set of ZFS
	Options string `json:"options,omitempty"`
}

// mountsFile is beside the journal, on the root's own file system.
const mountsFile = "mounts.json"

// Mounts finds out how the file systems at some points are mounted. It leaves out
// those for which there is no name that lasts: the parts of file systems that are
// mounted by bind, and what has no UUID.
func Mounts(points []string) ([]Mount, error) {
	uuids, err := byUUID()
	if err != nil {
		return nil, err
	}
	all, err := system.Mounts()
	if err != nil {
		return nil, err
	}
	at := map[string]Mount{}
	for _, is := range all {
		delete(at, is.Point) // the last one covers the others
		if m, ok := lasting(is, uuids); ok && slices.Contains(points, is.Point) {
			at[is.Point] = m
		}
	}
	var out []Mount
	for _, m := range at {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Mount) int { return strings.Compare(a.Point, b.Point) })
	return out, nil
}

// lasting is a mount as it can be made again, where it can.
func lasting(is system.Mount, uuids map[string]string) (Mount, bool) {
	m := Mount{Point: is.Point, Type: is.Type}
	switch is.Type {
	case "zfs":
		m.Source = is.Source
		return m, is.Root == "/"
	case "btrfs":
		for _, o := range strings.Split(is.Super, ",") {
			if strings.HasPrefix(o, "subvol=") {
				m.Options = o
			}
		}
		if m.Options != "subvol="+is.Root {
			return m, false // a folder of a subvolume, by bind
		}
	default:
		if is.Root != "/" {
			return m, false
		}
	}
	device, err := filepath.EvalSymlinks(is.Source)
	m.Source = uuids[device]
	return m, err == nil && m.Source != ""
}

// byUUID names devices as udev does, of whatever boot.
func byUUID() (map[string]string, error) {
	links, err := filepath.Glob("/dev/disk/by-uuid/*")
	out := map[string]string{}
	for _, link := range links {
		if device, err := filepath.EvalSymlinks(link); err == nil {
			out[device] = link
		}
	}
	return out, err
}

// KeepMounts writes down what MountMissing is to mount.
func KeepMounts(area string, mounts []Mount, write func(path string, b []byte) error) error {
	b, err := json.Marshal(mounts)
	if err != nil {
		return err
	}
	path := filepath.Join(area, mountsFile)
	if has, err := os.ReadFile(path); err == nil && string(has) == string(b) {
		return nil
	}
	return write(path, b)
}

// MountMissing mounts below root what was written down and is not mounted yet.
// What cannot be mounted is left to the booted system, as without it: its disk
// may need a passphrase that nobody has been asked for, or a module that the
// initramfs lacks.
func MountMissing(root, area string, say func(format string, args ...any)) (restore func() error, err error) {
	var undo []string
	restore = func() error {
		var errs []error
		for _, at := range slices.Backward(undo) {
			if err := unix.Unmount(at, 0); err != nil {
				errs = append(errs, fmt.Errorf("cannot unmount %s again: %w", at, err))
			}
		}
		undo = nil
		return errors.Join(errs...)
	}
	b, err := os.ReadFile(filepath.Join(root, area, mountsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return restore, nil
	}
	var mounts []Mount
	if err == nil {
		err = json.Unmarshal(b, &mounts)
	}
	if err != nil {
		return restore, fmt.Errorf("cannot read which file systems there are: %w", err)
	}
	for _, m := range mounts {
		at := filepath.Join(root, m.Point)
		if is, err := mounted(at); is || err != nil {
			continue // the initramfs has done it, or there is no such folder now
		}
		if err := m.mount(at); err != nil {
			say("%v; what is on it follows when the system runs", err)
			continue
		}
		undo = append(undo, at)
	}
	return restore, nil
}

func (m Mount) mount(at string) error {
	err := unix.Mount(m.Source, at, m.Type, 0, m.Options)
	if err != nil && m.Type == "zfs" { // one with a mountpoint property wants to be told so (mount.zfs(8))
		err = unix.Mount(m.Source, at, m.Type, 0, "zfsutil")
	}
	if err != nil {
		return fmt.Errorf("cannot mount %s on %s: %w", m.Source, at, err)
	}
	return nil
}

// mounted reports whether a folder is the top of a mount.
func mounted(at string) (bool, error) {
	var is, above unix.Stat_t
	err := errors.Join(unix.Lstat(at, &is), unix.Lstat(filepath.Dir(at), &above))
	return is.Dev != above.Dev, err
}
