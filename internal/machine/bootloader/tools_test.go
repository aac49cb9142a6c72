package bootloader

import "testing"

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
