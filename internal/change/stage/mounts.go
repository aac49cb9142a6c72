package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// mount is one mount below the root that a stage has to show.
type mount struct {
	Point   string // below the root
	FSType  string
	Overlay bool // writable in the stage
	Copies  bool // writable in the stage as a copy; bound read-only where it is neither
}

func (m mount) stage(root string) string {
	if m.Copies {
		return node.In(root, "/", "stage", "copies", m.Point)
	}
	return node.In(root, m.Point, "stage")
}

// overlayTypes are file systems that can be upper and lower layer of an
// overlay: they have rename flags, whiteouts and trusted.* xattrs.
func overlayTypes() []string {
	return []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs", "zfs"}
}

// hidden are folders whose mounts a stage replaces with its own.
func hidden() []string {
	return []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/" + node.AreaName}
}

func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return f != "" && (path == f || strings.HasPrefix(path, strings.TrimSuffix(f, "/")+"/"))
	})
}

// findMounts lists the mounts of real file systems below root, the root
// itself first.
func findMounts(root string) ([]mount, error) {
	all, err := system.Mounts()
	if err != nil {
		return nil, err
	}
	seen := map[string]mount{}
	for _, m := range all {
		point, fstype, ro := m.Point, m.Type, m.ReadOnly()
		if !within(point, root) {
			continue
		}
		rel := "/" + strings.TrimPrefix(strings.TrimPrefix(point, strings.TrimSuffix(root, "/")), "/")
		if rel == "/" || within(rel, hidden()...) {
			continue
		}
		if fi, err := os.Stat(point); err != nil || !fi.IsDir() {
			continue // a file that is mounted on keeps its mount; commit refuses to replace it
		}
		seen[rel] = mount{
			Point: rel, FSType: fstype,
			Overlay: !ro && slices.Contains(overlayTypes(), fstype), Copies: !ro && copies(rel, fstype),
		}
	}
	for rel, m := range seen {
		// What somebody has put in the place of hostctl's folder must not keep a
		// switch from all others.
		if m.Overlay && node.Refused(root, rel) {
			m.Overlay = false
			seen[rel] = m
		}
	}
	rootMount, err := mountOfRoot(root)
	if err != nil {
		return nil, err
	}
	mounts := []mount{rootMount}
	for _, m := range seen {
		mounts = append(mounts, m)
	}
	sort.Slice(mounts, func(i, j int) bool { return mounts[i].Point < mounts[j].Point })
	return mounts, nil
}

// Points lists the mount points below root, the root first, that hostctl can
// change.
func Points(root string) ([]string, error) {
	mounts, err := findMounts(root)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range mounts {
		if m.Overlay || m.Copies {
			out = append(out, m.Point)
		}
	}
	return out, nil
}

// Mounts are the file systems below root on which a changeset can have slots.
func Mounts(root string) ([]changeset.Mount, error) {
	found, err := findMounts(root)
	if err != nil {
		return nil, err
	}
	var out []changeset.Mount
	for _, m := range found {
		if !m.Overlay {
			continue
		}
		id, err := node.FSID(filepath.Join(root, m.Point))
		if err != nil {
			return nil, err
		}
		out = append(out, changeset.Mount{Point: m.Point, FSID: id})
	}
	return out, nil
}

func mountOfRoot(root string) (mount, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return mount{}, fmt.Errorf("cannot stage on %s: %w", root, err)
	}
	if st.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return mount{}, fmt.Errorf("cannot stage on %s: it is an overlay itself, and an overlay cannot be the upper layer of another", root)
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return mount{}, fmt.Errorf("cannot stage on %s: it is mounted read-only; remount it writable", root)
	}
	return mount{Point: "/", Overlay: true}, nil
}

// mountOverlays shows the root below at, every real file system as an
// overlay whose upper layer lies on that same file system.
func mountOverlays(root, at string, mounts []mount) error {
	for _, m := range mounts {
		target := filepath.Join(at, m.Point)
		lower := filepath.Join(root, m.Point)
		if m.Copies {
			if err := unix.Mount(m.stage(root), target, "", unix.MS_BIND, ""); err != nil {
				return fmt.Errorf("cannot bind the copy of %s into the stage: %w", lower, err)
			}
			continue
		}
		if !m.Overlay {
			if err := bindReadOnly(lower, target); err != nil {
				return err
			}
			continue
		}
		upper, work := filepath.Join(m.stage(root), "upper"), filepath.Join(m.stage(root), "work")
		if strings.ContainsAny(lower, ":,\\") {
			return fmt.Errorf("cannot stage %s: overlayfs cannot take a path with a colon, comma or backslash", lower)
		}
		// redirect_dir so that folders can be renamed (engine rule 10),
		// metacopy so that chown copies no data (engine rule 4), index so that hard
		// links stay (engine rule 23), volatile because nothing in there is relied on
		// before commit has synced it.
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=on,metacopy=on,index=on,volatile", lower, upper, work)
		if err := unix.Mount("overlay", target, "overlay", 0, options); err != nil {
			return fmt.Errorf("cannot mount the stage of %s: %w", lower, err)
		}
	}
	return nil
}

// makeStage makes the folders of the overlays, the topmost folder of each
// upper layer with the metadata of what it covers (engine rule 12).
func makeStage(root string, mounts []mount) error {
	for _, m := range mounts {
		if !m.Overlay {
			continue
		}
		if err := node.MakeArea(root, m.Point); err != nil {
			return fmt.Errorf("cannot make room for the stage: %w", err)
		}
		upper := filepath.Join(m.stage(root), "upper")
		for _, dir := range []string{m.stage(root), upper, filepath.Join(m.stage(root), "work")} {
			if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
				return fmt.Errorf("cannot make room for the stage: %w", err)
			}
		}
		top, err := node.Read(filepath.Join(root, m.Point))
		if err != nil {
			return err
		}
		if err := node.SetAttr(upper, top.Attr); err != nil {
			return err
		}
	}
	return os.MkdirAll(mountPoint(root), 0o700) // once there is an area
}

// sayReadOnly adds to an error about a read-only file system which ones are so
// in a stage, and why.
func sayReadOnly(err error, mounts []mount) error {
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), unix.EROFS.Error()) {
		return err
	}
	for _, m := range mounts {
		if !m.Overlay && !m.Copies {
			err = fmt.Errorf("%w\n%s (%s) is read-only in a stage: it is so itself, of a type that hostctl can neither overlay nor copy, or has a %s that is not root's alone",
				err, m.Point, m.FSType, node.AreaName)
		}
	}
	return err
}

func mountPoint(root string) string { return node.In(root, "/", "stage", "root") }

// bindReadOnly shows source, with what is mounted below it, at target.
func bindReadOnly(source, target string) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("cannot bind %s into the stage: %w", source, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("cannot make %s read-only in the stage: %w", source, err)
	}
	return nil
}
