package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// recipe is a machine with firmware, a loader and a kernel, as people make them
// with Debian's own tools.
type recipe struct {
	name     string
	packages []string // beside those that every disk has
	without  []string // of those
	asks     []string // packages of its configuration, beside a kernel
	files    map[string]string
	// setup puts the loader on the disk. It runs in the machine, which a kernel
	// and an image from outside have started, with its EFI system partition on
	// /boot/efi.
	setup string
}

// espOffset and efiRootOffset are where the partitions of a recipe's disk begin.
const (
	espOffset     = 1 << 20
	espSize       = 256 << 20
	efiRootOffset = espOffset + espSize
)

// grubEFI is what Debian's installer makes of a machine with UEFI: GRUB, signed,
// behind shim. A firmware that forgets its boot order starts what is at the path
// that it falls back to.
func grubEFI() recipe {
	return recipe{
		name:     "grub-efi",
		packages: []string{"grub-efi-amd64", "grub-efi-amd64-signed", "shim-signed", "efibootmgr", "dosfstools"},
		files: map[string]string{
			"etc/default/grub.d/vm.cfg": "GRUB_TIMEOUT=0\nGRUB_TERMINAL=console\nGRUB_CMDLINE_LINUX_DEFAULT=\nGRUB_CMDLINE_LINUX=\"console=ttyS0 panic=-1\"\n",
		},
		setup: `echo 'grub-efi-amd64 grub2/force_efi_extra_removable boolean true' | debconf-set-selections
grub-install --target=x86_64-efi --force-extra-removable --no-nvram
update-grub`,
	}
}

// systemdBootDracut is what people make who want neither GRUB nor
// initramfs-tools.
func systemdBootDracut() recipe {
	return recipe{
		name:     "systemd-boot",
		packages: []string{"systemd-boot", "dracut", "efibootmgr", "dosfstools"},
		without:  []string{"initramfs-tools"},
		asks:     []string{"dracut"},
		files: map[string]string{
			"etc/kernel/cmdline": "root=LABEL=root ro console=ttyS0 panic=-1\n",
			// With every driver there is an emulated processor makes it for minutes.
			"etc/dracut.conf.d/vm.conf": "drivers=\" virtio_pci virtio_blk ext4 \"\n",
		},
		setup: `bootctl install --no-variables --esp-path=/boot/efi || { udevadm info /dev/vda1; blkid -p /dev/vda1; SYSTEMD_LOG_LEVEL=debug bootctl install --no-variables --esp-path=/boot/efi; }
echo 'timeout 0' > /boot/efi/loader/loader.conf
for k in /boot/vmlinuz-*; do kernel-install add ${k#/boot/vmlinuz-} $k /boot/initrd.img-${k#/boot/vmlinuz-}; done`,
	}
}

func (r recipe) allPackages() []string {
	var out []string
	for _, p := range append(menuPackages(), r.packages...) {
		if p != "grub-pc" && !strings.Contains(" "+strings.Join(r.without, " ")+" ", " "+p+" ") {
			out = append(out, p)
		}
	}
	return out
}

func (r recipe) allFiles() map[string]string {
	out := files()
	for _, without := range r.without {
		for path := range out {
			if strings.HasPrefix(path, "etc/"+without) {
				delete(out, path)
			}
		}
	}
	for path, text := range r.files {
		out[path] = text
	}
	return out
}

// image is where the disk is kept.
func (r recipe) image() string {
	digest := sha256.Sum256([]byte(fmt.Sprint(r.setup, r.allPackages(), r.allFiles(), masked(), diskSize)))
	return filepath.Join(machine.CacheDir(), "disk-"+r.name+"-"+hex.EncodeToString(digest[:6])+".img")
}

// Base is the disk of a machine that was made by the recipe. The package that
// brings the newest kernel is not installed.
func (r recipe) Base(ctx context.Context, log io.Writer) (string, error) {
	image := r.image()
	return image, cached(image, func(dir, part string) error {
		if err := partitionGPT(ctx, part); err != nil {
			return err
		}
		early := filepath.Join(dir, "early") // what is there before packages are
		for path, text := range r.files {
			at := filepath.Join(early, path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
				return err
			}
		}
		err := makeDisk(ctx, log, dir, part, r.allFiles(), fmt.Sprint(efiRootOffset), "--include="+strings.Join(r.allPackages(), ","),
			"--essential-hook=cp -r "+early+`/. "$1"`,
			`--customize-hook=chroot "$1" sh -c 'apt-mark manual $(dpkg-query --show --showformat "\${Package}\\n" "linux-image-6*") && apt-get -y purge linux-image-cloud-amd64'`)
		if err != nil {
			return err
		}
		m := &Machine{Dir: dir, Disk: part, Offset: efiRootOffset}
		defer m.Kill()
		ctx, cancel := context.WithTimeout(ctx, 3*bootTime)
		defer cancel()
		if err := m.Boot(ctx); err != nil {
			return err
		}
		out, err := m.Shell(ctx, "set -ex\nmkfs.vfat -F 32 -n ESP /dev/vda1\nudevadm settle\nmkdir -p /boot/efi\nmount /dev/vda1 /boot/efi\necho 'LABEL=ESP /boot/efi vfat umask=0077 0 1' >> /etc/fstab\n"+r.setup+"\nsync", 20*time.Minute)
		fmt.Fprintln(log, out)
		if err != nil {
			return err
		}
		return m.PowerOff(ctx)
	})
}

// partitionGPT makes a disk with an EFI system partition and one for the root.
func partitionGPT(ctx context.Context, path string) error {
	size, err := diskBytes()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(path, efiRootOffset+size+(1<<20)); err != nil {
		return err
	}
	const sector = 512
	cmd := exec.CommandContext(ctx, "sfdisk", "--quiet", path)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("label: gpt\nstart=%d, size=%d, type=U\nstart=%d, size=%d, type=L\n",
		espOffset/sector, espSize/sector, efiRootOffset/sector, size/sector))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make partitions on %s: %w: %s", path, err, out)
	}
	return nil
}
