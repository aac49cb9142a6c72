package bootloader

import (
	"errors"
	"os"
	"testing"
)

// Room is needed for images that will be made, and for no others.
func TestRoom(t *testing.T) {
	ownMount(t, "/boot")
	err := errors.Join(os.WriteFile(imagePrefix+"6.1", make([]byte, 10), 0o600), os.WriteFile(imagePrefix+"6.2", make([]byte, 20), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	const one, two, three, hook = "/boot/vmlinuz-6.1", "/boot/vmlinuz-6.2", "/boot/vmlinuz-6.3", "/etc/initramfs-tools/hooks/x"
	for name, c := range map[string]struct {
		touched, gone []string
		want          int64
	}{
		"nothing of it":             {touched: []string{"/etc/motd"}},
		"a kernel comes":            {touched: []string{three, "/usr/lib/modules/6.3/a.ko"}, want: 20},
		"one goes":                  {touched: []string{two, "/usr/lib/modules/6.2/a.ko"}, gone: []string{two}},
		"one goes, another comes":   {touched: []string{two, three, "/usr/lib/modules/6.2/a.ko", "/usr/lib/modules/6.3/a.ko"}, gone: []string{two}, want: 20},
		"modules of one that stays": {touched: []string{"/usr/lib/modules/6.1/a.ko"}, want: 20},
		"a hook":                    {touched: []string{hook}, want: 20},
		"a hook, and all kernels":   {touched: []string{hook, one, two}, gone: []string{one, two}},
		"one that has no image":     {touched: []string{three}, gone: []string{three}},
	} {
		if got, err := (Change{Touched: c.touched, Gone: c.gone, Container: true}).Room(t.Context()); got["/boot"] != c.want || err != nil {
			t.Errorf("%s: %d bytes, %v, wanted %d", name, got["/boot"], err, c.want)
		}
	}
}
