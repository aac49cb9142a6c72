package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// recipe is a machine with firmware, a loader and a kernel, as people make them
// with Debian's own tools. Its scripts run in another machine, whose root is
// copied to the disks, which are /dev/vdb and on there.
type recipe struct {
	name     string
	firmware bool // UEFI; else a BIOS
	disks    int
	packages []string // in addition to those that every disk has
	asks     []string // packages of its configuration, in addition to a kernel
	files    map[string]string
	later    string // makes more of the root, in a chroot, when packages are there
	// storage makes file systems on the disks and mounts them on /mnt, but for
	// the EFI system partition, which it calls $esp. It writes /tmp/fstab and what
	// else is to be below /mnt/etc into /tmp/etc.
	storage string
	// loader puts the loader on the disks; it runs in the root that was copied.
	loader     string
	passphrase string // of its disk; typed where the boot asks for it
}

const passphrase = "a passphrase of the tests"

// serialGRUB is a menu that does not wait and a kernel that talks to a serial line.
const serialGRUB = "GRUB_TIMEOUT=0\nGRUB_TERMINAL=console\nGRUB_CMDLINE_LINUX_DEFAULT=\nGRUB_CMDLINE_LINUX=\"console=ttyS0 panic=-1\"\n"

// espAndRoot are a disk's partitions as they mostly are.
const espAndRoot = `printf 'label: gpt\nsize=256M, type=U\ntype=L\n' | sfdisk --quiet /dev/vdb
udevadm settle
`

// ext4ESP is an EFI system partition, and a root of ext4.
const ext4ESP = espAndRoot + `mkfs.ext4 -q -L root /dev/vdb2
mount /dev/vdb2 /mnt
esp=/dev/vdb1
echo 'LABEL=root / ext4 errors=remount-ro 0 1' > /tmp/fstab`

// grubInstallEFI is what Debian's installer does. A firmware that forgets its boot
// order starts what is at the path that it falls back to.
const grubInstallEFI = `echo 'grub-efi-amd64 grub2/force_efi_extra_removable boolean true' | debconf-set-selections
update-initramfs -u -k all
grub-install --target=x86_64-efi --force-extra-removable --no-nvram
update-grub`

func grubEFIPackages(more ...string) []string {
	return append(more, "initramfs-tools", "grub-efi-amd64", "grub-efi-amd64-signed", "shim-signed", "efibootmgr")
}

// modules are an initramfs of initramfs-tools that has few drivers: with every
// one there is an emulated processor makes it for minutes.
func modules(names ...string) map[string]string {
	return map[string]string{
		"etc/default/grub.d/vm.cfg":     serialGRUB,
		"etc/initramfs-tools/conf.d/vm": "MODULES=list\n",
		"etc/initramfs-tools/modules":   strings.Join(append(names, "virtio_pci", "virtio_blk", "ext4"), "\n") + "\n",
	}
}

// grubBIOS is a machine from before UEFI, and that of most clouds.
func grubBIOS() recipe {
	return recipe{
		name:     "grub-bios",
		disks:    1,
		packages: []string{"initramfs-tools", "grub-pc"},
		files:    modules(),
		storage: `printf 'label: dos\ntype=83, bootable\n' | sfdisk --quiet /dev/vdb
udevadm settle
mkfs.ext4 -q -L root /dev/vdb1
mount /dev/vdb1 /mnt
echo 'LABEL=root / ext4 errors=remount-ro 0 1' > /tmp/fstab`,
		loader: "update-initramfs -u -k all\ngrub-install /dev/vdb\nupdate-grub",
	}
}

// grubEFI is what Debian's installer makes of a machine with UEFI: GRUB, signed,
// behind shim.
func grubEFI() recipe {
	return recipe{
		name:     "grub-efi",
		firmware: true,
		disks:    1,
		packages: grubEFIPackages(),
		files:    modules(),
		storage:  ext4ESP,
		loader:   grubInstallEFI,
	}
}

// grubLUKS is the installer's "encrypted LVM".
func grubLUKS() recipe {
	return recipe{
		name:     "grub-luks",
		firmware: true,
		disks:    1,
		packages: grubEFIPackages("cryptsetup-initramfs", "lvm2"),
		files:    modules("dm_mod", "dm_crypt", "xts", "ecb", "cbc", "aes_generic", "sha256_generic", "sha512_generic"),
		// A key that takes seconds to derive takes an emulated processor minutes.
		storage: `printf 'label: gpt\nsize=256M, type=U\nsize=512M, type=L\ntype=L\n' | sfdisk --quiet /dev/vdb
udevadm settle
mkfs.ext4 -q /dev/vdb2
printf %s "$passphrase" | cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/vdb3 -
printf %s "$passphrase" | cryptsetup open --key-file - /dev/vdb3 vda3_crypt
pvcreate /dev/mapper/vda3_crypt
vgcreate debian-vg /dev/mapper/vda3_crypt
lvcreate --yes -L 64M -n swap_1 debian-vg
lvcreate --yes -l 100%FREE -n root debian-vg
mkswap /dev/debian-vg/swap_1
mkfs.ext4 -q /dev/debian-vg/root
mount /dev/debian-vg/root /mnt
mkdir /mnt/boot
mount /dev/vdb2 /mnt/boot
esp=/dev/vdb1
mkdir -p /tmp/etc
echo "vda3_crypt UUID=$(blkid -s UUID -o value /dev/vdb3) none luks,discard" > /tmp/etc/crypttab
{ echo '/dev/mapper/debian--vg-root / ext4 errors=remount-ro 0 1'
  echo "UUID=$(blkid -s UUID -o value /dev/vdb2) /boot ext4 defaults 0 2"
  echo '/dev/mapper/debian--vg-swap_1 none swap sw 0 0'; } > /tmp/fstab`,
		loader:     grubInstallEFI,
		passphrase: passphrase,
	}
}

// grubRAID is a server with a BIOS and two disks that are one.
func grubRAID() recipe {
	return recipe{
		name:     "grub-raid",
		disks:    2,
		packages: []string{"initramfs-tools", "grub-pc", "mdadm"},
		files:    modules("md_mod", "raid1"),
		storage: `for d in /dev/vdb /dev/vdc; do printf 'label: dos\ntype=fd, bootable\n' | sfdisk --quiet $d; done
udevadm settle
mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --assume-clean --bitmap=internal /dev/vdb1 /dev/vdc1
mkfs.ext4 -q /dev/md0
mount /dev/md0 /mnt
mkdir -p /tmp/etc/mdadm
{ echo 'HOMEHOST <system>'; echo 'MAILADDR root'; mdadm --detail --scan; } > /tmp/etc/mdadm/mdadm.conf
echo "UUID=$(blkid -s UUID -o value /dev/md0) / ext4 errors=remount-ro 0 1" > /tmp/fstab`,
		loader: "update-initramfs -u -k all\ngrub-install /dev/vdb\ngrub-install /dev/vdc\nupdate-grub",
	}
}

// grubBtrfs has its root in a subvolume, called as Debian's installer calls it.
func grubBtrfs() recipe {
	return recipe{
		name:     "grub-btrfs",
		firmware: true,
		disks:    1,
		packages: grubEFIPackages("btrfs-progs"),
		files:    modules("btrfs", "crc32c", "xxhash_generic", "blake2b_generic"),
		storage: espAndRoot + `mkfs.btrfs -q /dev/vdb2
mount /dev/vdb2 /mnt
btrfs subvolume create /mnt/@rootfs
umount /mnt
mount -o subvol=@rootfs /dev/vdb2 /mnt
esp=/dev/vdb1
echo "UUID=$(blkid -s UUID -o value /dev/vdb2) / btrfs defaults,subvol=@rootfs 0 0" > /tmp/fstab`,
		loader: grubInstallEFI,
	}
}

// systemdBootDracut is for people who want neither GRUB nor initramfs-tools.
func systemdBootDracut() recipe {
	return recipe{
		name:     "systemd-boot",
		firmware: true,
		disks:    1,
		packages: []string{"systemd-boot", "dracut", "efibootmgr"},
		asks:     []string{"dracut", "systemd-boot"},
		files: map[string]string{
			"etc/kernel/cmdline":        "root=LABEL=root ro console=ttyS0 panic=-1\n",
			"etc/dracut.conf.d/vm.conf": "drivers=\" virtio_pci virtio_blk ext4 \"\n",
		},
		storage: ext4ESP,
		// Debian ships no such file: a machine's command line is what it started with.
		loader: bootctlInstall + "\nrm /etc/kernel/cmdline",
	}
}

const bootctlInstall = `bootctl install --no-variables --esp-path=/boot/efi
echo 'timeout 0' > /boot/efi/loader/loader.conf
for k in /boot/vmlinuz-*; do kernel-install add ${k#/boot/vmlinuz-} $k /boot/initrd.img-${k#/boot/vmlinuz-}; done`

// zfsDracut is an encrypted pool of ZFS that dracut opens and systemd-boot starts.
func zfsDracut() recipe {
	r := systemdBootDracut()
	r.name = "zfs"
	r.packages = []string{"efibootmgr", "gcc", "make"}
	r.asks = []string{"dracut", "systemd-boot", "zfs-dracut", "zfs-dkms"}
	r.files = map[string]string{
		"etc/kernel/cmdline":        "root=ZFS=rpool/ROOT/debian ro console=ttyS0 panic=-1\n",
		"etc/dracut.conf.d/vm.conf": r.files["etc/dracut.conf.d/vm.conf"],
	}
	// The module for the next kernel is built here too: an emulated processor takes
	// more than an hour. DKMS records it as built, not as installed. The image generator
	// comes last, since dracut fails without the module.
	r.later = `apt-get -y --no-install-recommends install zfs-dkms
next=$(apt-cache depends linux-headers-cloud-amd64 | sed -n 's/.*Depends: linux-headers-//p' | head -1)
apt-get -y --no-install-recommends install linux-headers-$next
version=$(ls /usr/src | sed -n s/^zfs-//p)
dkms status
test -e /var/lib/dkms/zfs/$version/$next || dkms build zfs/$version -k $next
mv /var/lib/dkms/zfs/$version/$next /root/built
rm -f /var/lib/dkms/zfs/kernel-$next-*
apt-get -y purge "linux-headers-$next" "linux-headers-${next%%-cloud*}*" "linux-kbuild-${next%%-cloud*}"
rm -rf /usr/lib/modules/$next
mv /root/built /var/lib/dkms/zfs/$version/$next
dkms status
apt-get -y --no-install-recommends install zfs-dracut dracut systemd-boot`
	r.storage = `zgenhostid -f 0x00bab10c
modprobe zfs
printf 'label: gpt\nsize=512M, type=U\ntype=L\n' | sfdisk --quiet /dev/vdb
udevadm settle
printf %s "$passphrase" | zpool create -f -R /mnt -o ashift=12 -O mountpoint=none -O acltype=posixacl -O xattr=sa -O encryption=on -O keyformat=passphrase -O keylocation=prompt rpool /dev/vdb2
zfs create rpool/ROOT
zfs create -o mountpoint=/ -o canmount=noauto rpool/ROOT/debian
zfs mount rpool/ROOT/debian
esp=/dev/vdb1
: > /tmp/fstab`
	r.loader = "for k in /boot/vmlinuz-*; do dracut --force --kver ${k#/boot/vmlinuz-}; done\n" + bootctlInstall
	r.passphrase = passphrase
	return r
}

// pointRelease is Debian's point release, whose kernel security updates are
// ahead of most of the time.
const pointRelease = "/" + machine.Suite

// recipePackages are what the disk of a recipe holds: among them DKMS, with what
// it takes to build a module for the kernel that the machine begins with.
func (r recipe) recipePackages() []string {
	out := slices.DeleteFunc(packages(), func(p string) bool { return p == "initramfs-tools" || strings.HasPrefix(p, "linux-image") })
	return append(append(out, "fdisk", "dosfstools", "dkms", "linux-image-cloud-amd64"+pointRelease, "linux-headers-cloud-amd64"+pointRelease), r.packages...)
}

func (r recipe) recipeFiles() map[string]string {
	out := files()
	maps.DeleteFunc(out, func(path, _ string) bool { return strings.HasPrefix(path, "etc/initramfs-tools") })
	maps.Copy(out, r.files)
	return out
}

// folder is where the disks of a recipe are kept, with dpkg's status and the
// kernel.
func (r recipe) folder() string {
	digest := sha256.Sum256([]byte(fmt.Sprint(r.later, r.storage, r.loader, makeScript, r.recipePackages(), r.recipeFiles(), masked(), diskSize)))
	return filepath.Join(machine.CacheDir(), "disks-"+r.name+"-"+hex.EncodeToString(digest[:6]))
}

func disk(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%d.img", n)) }

// makeScript copies the root of the machine it runs in to disks, and makes them
// such that the firmware starts them.
const makeScript = `set -e
modprobe -a dm_crypt raid1 btrfs 2>/dev/null || true
esp=
%s
cp -ax / /mnt
if test -n "$esp"; then
  mkfs.vfat -F 32 $esp
  mkdir -p /mnt/boot/efi
  mount $esp /mnt/boot/efi
  echo "UUID=$(blkid -s UUID -o value $esp) /boot/efi vfat umask=0077 0 1" >> /tmp/fstab
fi
cp /tmp/fstab /mnt/etc/fstab
test ! -d /tmp/etc || cp -r /tmp/etc/. /mnt/etc
for d in dev proc sys run; do mount --rbind /$d /mnt/$d; done
cat > /mnt/loader <<'LOADER'
%s
LOADER
chroot /mnt sh -ex /loader < /dev/null
rm /mnt/loader
sync`

// Base makes the disks of a recipe if the cache has none. It does not install the
// package with the newest kernel.
func (r recipe) Base(ctx context.Context, log io.Writer) (string, error) {
	folder := r.folder()
	return folder, cached(folder, func(dir, part string) error {
		if err := os.Mkdir(part, 0o755); err != nil {
			return err
		}
		early := filepath.Join(dir, "early") // what is there before packages are
		for path, text := range r.files {
			if err := writeTo(filepath.Join(early, path), text, 0o644); err != nil {
				return err
			}
		}
		from, later := filepath.Join(dir, "from.ext4"), filepath.Join(dir, "later")
		if err := writeTo(later, "export DEBIAN_FRONTEND=noninteractive\n"+r.later+"\n", 0o644); err != nil {
			return err
		}
		err := makeDisk(ctx, log, dir, from, r.recipeFiles(), "--include="+strings.Join(r.recipePackages(), ","),
			"--essential-hook=cp -r "+early+`/. "$1"`,
			`--customize-hook=chroot "$1" sh -c 'apt-mark manual $(dpkg-query --show --showformat "\${Package}\\n" "linux-image-6*" "linux-headers-6*") && apt-get -y purge linux-image-cloud-amd64 linux-headers-cloud-amd64'`,
			"--customize-hook=cp "+later+` "$1/later" && chroot "$1" sh -ex /later < /dev/null && rm "$1/later"`,
			`--customize-hook=cp "$1/var/lib/dpkg/status" `+part)
		if err != nil {
			return err
		}
		return r.make(ctx, log, dir, from, part)
	})
}

// make turns the root of one machine into the disks of another.
func (r recipe) make(ctx context.Context, log io.Writer, dir, from, part string) error {
	size, err := diskBytes()
	if err != nil {
		return err
	}
	m := &Machine{Dir: dir, Disk: from}
	for i := range r.disks {
		if err := writeTo(disk(part, i), "", 0o644); err != nil {
			return err
		}
		if err := os.Truncate(disk(part, i), size+(1<<30)); err != nil {
			return err
		}
		m.Disks = append(m.Disks, disk(part, i))
	}
	defer m.Kill()
	ctx, cancel := context.WithTimeout(ctx, 4*bootTime)
	defer cancel()
	if err := m.Boot(ctx); err != nil {
		return err
	}
	if err := os.Link(filepath.Join(dir, "vmlinuz"), filepath.Join(part, "vmlinuz")); err != nil {
		return err
	}
	script := "passphrase='" + r.passphrase + "'\nset -x\n" + fmt.Sprintf(makeScript, r.storage, r.loader)
	if _, err := m.Shell(ctx, script, 30*time.Minute, func(line string) { fmt.Fprintln(log, line) }); err != nil {
		return err
	}
	return m.PowerOff(ctx)
}

// writeTo writes a file, and makes its folders.
func writeTo(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

func diskBytes() (int64, error) {
	var n int64
	_, err := fmt.Sscanf(diskSize, "%dG", &n)
	return n << 30, err
}
