package vm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// rootOffset is where the only partition of a disk with a boot menu begins.
// GRUB's own image lies before it.
const rootOffset = 1 << 20

// menuPackages are packages, with GRUB, and with the kernel of Debian's point
// release: security updates have a later one most of the time.
func menuPackages() []string {
	return append(strings.Fields(strings.ReplaceAll(strings.Join(packages(), " "), "linux-image-cloud-amd64", "linux-image-cloud-amd64/"+machine.Suite)), "grub-pc")
}

func menuFiles() map[string]string {
	out := files()
	out["etc/default/grub.d/vm.cfg"] = "GRUB_TIMEOUT=0\nGRUB_TERMINAL=console\nGRUB_CMDLINE_LINUX=\"console=ttyS0 panic=-1\"\n"
	return out
}

// MenuBase is Base with a partition table, and with a boot menu that GRUB's own
// tools have put on the disk, in the machine. The package that brings the newest
// kernel is not installed.
func MenuBase(ctx context.Context, log io.Writer) (string, error) {
	digest := sha256.Sum256([]byte(fmt.Sprint(menuPackages(), menuFiles(), masked(), diskSize)))
	image := filepath.Join(machine.CacheDir(), "disk-menu-"+hex.EncodeToString(digest[:6])+".img")
	return image, cached(image, func(dir, part string) error {
		if err := partition(part); err != nil {
			return err
		}
		err := makeDisk(ctx, log, dir, part, menuFiles(), fmt.Sprint(rootOffset), "--include="+strings.Join(menuPackages(), ","),
			`--customize-hook=chroot "$1" sh -c 'apt-mark manual $(dpkg-query --show --showformat "\${Package}\\n" "linux-image-6*") && apt-get -y purge linux-image-cloud-amd64'`)
		if err != nil {
			return err
		}
		m := &Machine{Dir: dir, Disk: part, Offset: rootOffset}
		defer m.Kill()
		ctx, cancel := context.WithTimeout(ctx, 2*bootTime)
		defer cancel()
		if err := m.Boot(ctx); err != nil {
			return err
		}
		if _, err := m.Shell(ctx, "grub-install /dev/vda && update-grub", 5*time.Minute); err != nil {
			return err
		}
		return m.PowerOff(ctx)
	})
}

// partition makes a disk with a DOS partition table of one partition, which can
// be booted from.
func partition(path string) error {
	const sector = 512
	table := make([]byte, sector)
	size, err := diskBytes()
	if err != nil {
		return err
	}
	entry := table[446:]
	copy(entry, []byte{0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff}) // active, Linux, to be found by its LBA
	binary.LittleEndian.PutUint32(entry[8:], rootOffset/sector)
	binary.LittleEndian.PutUint32(entry[12:], uint32(size/sector))
	table[510], table[511] = 0x55, 0xaa
	if err := os.WriteFile(path, table, 0o644); err != nil {
		return err
	}
	return os.Truncate(path, rootOffset+size)
}

func diskBytes() (int64, error) {
	var n int64
	_, err := fmt.Sscanf(diskSize, "%dG", &n)
	return n << 30, err
}
