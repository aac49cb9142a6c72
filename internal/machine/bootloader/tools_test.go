package bootloader

import (
	"os"
	"path/filepath"
	"testing"
)

// A script in a stage that asks gets the live machine's answer; one that would
// change what the machine boots from changes nothing.
func TestCallAsks(t *testing.T) {
	for line, want := range map[string]bool{
		"bootctl is-installed --quiet":     true,
		"bootctl --quiet --print-esp-path": true,
		"bootctl -p":                       true,
		"bootctl":                          true,
		"bootctl install --make-machine-id-directory=auto": false,
		"bootctl --graceful update":                        false,
		"bootctl remove --graceful":                        false,
		"kernel-install add 6.12 /boot/vmlinuz-6.12":       false,
		"kernel-install remove 6.12":                       false,
		"kernel-install list":                              true,
		"efibootmgr":                                       true,
		"efibootmgr -v":                                    true,
		"efibootmgr -q --create --disk /dev/vda":           false,
		"efibootmgr -q --delete-bootnum --bootnum 1":       false,
		"grub-probe --target=device /boot":                 true,
		"grub-install --target=x86_64-efi":                 false,
		"grub-mkconfig -o /boot/grub/grub.cfg":             false,
		"update-grub":                                      false,
		"update-initramfs -u":                              false,
		"mkinitramfs -o /boot/initrd.img-6.12 6.12":        false,
		"dracut -q --force /boot/initrd.img-6.12 6.12":     false,
	} {
		if got := parseCall(line).Asks(); got != want {
			t.Errorf("%q asks: %v", line, got)
		}
	}
}

// A record keeps words apart, also those with blanks; an older hostctl's has
// blanks between words.
func TestCallIsRecorded(t *testing.T) {
	c := Call{"efibootmgr", []string{"--create", "--label", "Two words"}}
	if got := parseCall(c.String()); got.String() != c.String() || got.Args[2] != "Two words" {
		t.Errorf("%q became %q", c, got)
	}
	if got := parseCall("update-initramfs -c -k 6.12"); got.Program != "update-initramfs" || got.version() != "6.12" {
		t.Errorf("%q", got)
	}
}

// The boot sector that a way back writes is the one of the disk that a package
// wrote, whatever name that has by then.
func TestCallIsLasting(t *testing.T) {
	dev := t.TempDir()
	for _, dir := range []string{"disk/by-id", "disk/by-path"} {
		if err := os.MkdirAll(filepath.Join(dev, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, disk := range []string{"sda", "sda1", "sdb", "sdc"} {
		if err := os.WriteFile(filepath.Join(dev, disk), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"by-id/ata-X-part1": "sda1", "by-id/ata-X": "sda", "by-path/pci-1": "sda", "by-path/pci-2": "sdb"} {
		if err := os.Symlink("../../"+to, filepath.Join(dev, "disk", link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"sda": "disk/by-id/ata-X", "sda1": "disk/by-id/ata-X-part1", "sdb": "disk/by-path/pci-2", "sdc": "sdc", "none": "none", "disk/by-path/pci-1": "disk/by-id/ata-X",
	} {
		c := Call{"grub-install", []string{"--target=i386-pc", filepath.Join(dev, name)}}
		if got := c.lasting(filepath.Join(dev, "disk")); got.Args[0] != c.Args[0] || got.Args[1] != filepath.Join(dev, want) {
			t.Errorf("%s became %s, wanted %s", c.Args[1], got.Args[1], want)
		}
	}
	if c := (Call{"grub-install", []string{"--force", "/dev/null", "/dev/no-such-disk"}}); c.goneDisk() != "/dev/no-such-disk" {
		t.Errorf("gone is %q", c.goneDisk())
	}
}

// An entry of the firmware is made once, however often the way leads over the
// generation that brought it.
func TestCallMadeIn(t *testing.T) {
	c := Call{"efibootmgr", []string{"-q", "--create", "--disk", "/dev/vda", "--part", "1", "--loader", "EFI/debian/shimx64.efi", "--label", "Debian"}}
	for list, want := range map[string]bool{
		"BootOrder: 0001\nBoot0001* UEFI QEMU\tPciRoot(0x0)\n":                               false,
		"Boot0002* Debian\tHD(1,GPT,1,0x800,0x1)/\\EFI\\debian\\shimx64.efi\n":               true,
		"Boot0002* Debian\tHD(1,GPT,1,0x800,0x1)/File(\\EFI\\DEBIAN\\SHIMX64.EFI)5c004500\n": true,
		"Boot0002* Debian\tHD(1,GPT,1,0x800,0x1)/\\EFI\\debian\\grubx64.efi\n":               false,
		"Boot0002* Debian 2\tHD(1,GPT,1,0x800,0x1)/\\EFI\\debian\\shimx64.efi\n":             false,
	} {
		if got := c.madeIn(list); got != want {
			t.Errorf("%q has it: %v", list, got)
		}
	}
}
