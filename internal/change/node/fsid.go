package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// getFSUUID is FS_IOC_GETFSUUID of linux/fs.h: _IOR(0x15, 0, struct fsuuid2).
const getFSUUID = 0x80111500

// getVolumeID is FAT_IOCTL_GET_VOLUME_ID of linux/msdos_fs.h: _IOR('r', 0x13, __u32).
const getVolumeID = 0x80047213

// fsUUID is struct fsuuid2.
type fsUUID struct {
	length uint8
	uuid   [16]byte
}

// FSID identifies the file system mounted at path, so that the undo of one
// disk is not applied to another: its UUID where it has one and the kernel
// tells it (Linux 6.9), the volume's number of vfat, otherwise statfs(2)'s f_fsid, which on xfs changes with the number of
// the device.
func FSID(path string) (string, error) {
	d, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer d.Close()
	var id fsUUID
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), getFSUUID, uintptr(unsafe.Pointer(&id)))
	if errno == 0 && int(id.length) <= len(id.uuid) && id.uuid != [16]byte{} {
		return uuidPrefix + hex.EncodeToString(id.uuid[:id.length]), nil
	}
	var volume uint32
	if _, _, errno = unix.Syscall(unix.SYS_IOCTL, d.Fd(), getVolumeID, uintptr(unsafe.Pointer(&volume))); errno == 0 {
		return fmt.Sprintf("%s%08x", volumePrefix, volume), nil
	}
	return statID(path)
}

const (
	uuidPrefix   = "uuid:"
	volumePrefix = "volume:"
)

func statID(path string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", fmt.Errorf("cannot tell the file system of %s: %w", path, err)
	}
	return fmt.Sprintf("fsid:%08x%08x", uint32(st.Fsid.Val[0]), uint32(st.Fsid.Val[1])), nil
}

// CheckFS refuses a path on another file system than the recorded one. What
// an older kernel recorded is compared as that kernel told it.
func CheckFS(path, recorded string) error {
	tell := statID
	if strings.HasPrefix(recorded, uuidPrefix) || strings.HasPrefix(recorded, volumePrefix) {
		tell = FSID
	}
	id, err := tell(path)
	switch {
	case IsForeign(err):
		return fmt.Errorf("cannot change %s: another than root has mounted something over it: %w; unmount that ('umount %s') and run the command again", path, err, path)
	case err == nil && id != recorded:
		return fmt.Errorf("cannot change %s: file system %s is mounted there, not %s; mount that one, or unmount what covers it ('umount %s')", path, id, recorded, path)
	}
	return err
}

// IsForeign reports of an error that root gets from a file system which another
// account has mounted over a folder of its own, and serves (mount.fuse3(8),
// allow_other), or serves no more.
func IsForeign(err error) bool { return errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTCONN) }
