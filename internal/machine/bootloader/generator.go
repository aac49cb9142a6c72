package bootloader

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// generator is what makes the images that kernels start with. Debian's two
// exclude one another.
type generator struct {
	mark    string   // a file of the root that is there where this one makes the images
	sources []string // of the root, from which every image is made
	command func(image, version string) []string
	list    func(ctx context.Context, image string) ([]string, error) // the paths in an image
	crypt   []need                                                    // what an image needs for dm-crypt, besides the program
	keeps   func(ctx context.Context) (bool, error)                   // whether images that are there stay as they are
	tells   func(line string) bool                                    // whether a line of its error output is for people
	part    map[string][]byte                                         // hostctl's own files in the root
	inside  string                                                    // one of them as an image has it
}

//go:embed dracut local-bottom
var parts embed.FS

// everySource is read by both.
func everySource() []string {
	return []string{
		"/etc/modprobe.d/", "/etc/crypttab", "/etc/hostid", "/etc/mdadm/", "/etc/lvm/", "/etc/zfs/", "/etc/default/keyboard", "/etc/default/console-setup",
		"/etc/udev/rules.d/", "/etc/multipath", "/etc/plymouth/", "/etc/default/intel-microcode", "/etc/default/amd64-microcode",
	}
}

func initramfsTools() *generator {
	return &generator{
		// /usr/share/initramfs-tools proves nothing: udev has hooks for it there.
		mark: "/usr/sbin/update-initramfs",
		// Who may log in there to unlock the disk is one of them.
		sources: append(everySource(), "/etc/initramfs-tools/", "/usr/share/initramfs-tools/", "/etc/cryptsetup-initramfs/", "/etc/dropbear/initramfs/", "/etc/dropbear-initramfs/"),
		command: func(image, version string) []string { return []string{"mkinitramfs", "-o", image, version} },
		list: func(ctx context.Context, image string) ([]string, error) {
			out, _, err := run(ctx, "lsinitramfs", image)
			return strings.Split(out, "\n"), err
		},
		crypt:  []need{{files: []string{"/cryptroot/crypttab"}}, {complaint: "Couldn't determine root device"}},
		keeps:  updateInitramfsKeeps,
		tells:  func(string) bool { return true },
		part:   map[string][]byte{hookPath: part("local-bottom")},
		inside: hookName,
	}
}

func dracut() *generator {
	const modules = "/usr/lib/dracut/modules.d/90hostctl/"
	return &generator{
		// dracut-core has the program; the hook of kernels is the package's that
		// is for making the machine's own images.
		mark:    "/etc/kernel/postinst.d/dracut",
		sources: append(everySource(), "/etc/dracut.conf", "/etc/dracut.conf.d/", "/usr/lib/dracut/", "/etc/cmdline.d/", "/etc/vconsole.conf", "/etc/modules-load.d/"),
		command: func(image, version string) []string { return []string{"dracut", "--quiet", "--force", image, version} },
		list:    listDracut,
		// crypt is empty: the container is found by the command line as well.
		keeps: func(context.Context) (bool, error) { return false, nil },
		// It also has what the programs print that it runs.
		tells: func(line string) bool { return strings.HasPrefix(line, "dracut") },
		part: map[string][]byte{
			modules + "module-setup.sh":       part("dracut/module-setup.sh"),
			modules + "hostctl-early.sh":      part("dracut/hostctl-early.sh"),
			modules + "hostctl-early.service": part("dracut/hostctl-early.service"),
		},
		inside: "usr/lib/hostctl-early",
	}
}

// sources are what images are made from, by any generator: a change of generator
// also remakes all of them.
func sources() []string {
	var out []string
	for _, g := range generators() {
		out = append(out, g.sources...)
	}
	return out
}

func part(name string) []byte {
	b, err := parts.ReadFile(name)
	if err != nil {
		panic(err) // it is compiled in
	}
	return b
}

func generators() []*generator { return []*generator{initramfsTools(), dracut()} }

// generatorOf is what makes the images of a root, or nil.
func generatorOf(root system.Root) *generator {
	for _, g := range generators() {
		if _, err := os.Stat(root.Path(g.mark)); err == nil {
			return g
		}
	}
	return nil
}

// listDracut reads what lsinitrd(1) prints, which is what ls -l does.
func listDracut(ctx context.Context, image string) ([]string, error) {
	out, _, err := run(ctx, "lsinitrd", image)
	if err != nil {
		return nil, err
	}
	var files []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) >= 9 && strings.ContainsRune("-dl", rune(line[0])) {
			files = append(files, fields[8])
		}
	}
	return files, nil
}

// folders are those of a generator's part that no package may have created, each
// after its parent.
func (g *generator) folders() []string {
	var out []string
	for path := range g.part {
		for dir := filepath.Dir(path); dir != "/etc" && dir != "/usr/lib"; dir = filepath.Dir(dir) {
			if !slices.Contains(out, dir) {
				out = append(out, dir)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (g *generator) install(root system.Root) error {
	for path, content := range g.part {
		if err := install(root, path, content, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// uninstall removes the part, and the folders that the generator would have
// left empty.
func (g *generator) uninstall(root system.Root) error {
	removed := false
	for path := range g.part {
		err := os.Remove(root.Path(path))
		removed = removed || err == nil
		if ignoreMissing(err) != nil {
			return fmt.Errorf("cannot remove hostctl's recovery: %w", err)
		}
	}
	if !removed {
		return nil
	}
	for _, dir := range slices.Backward(g.folders()) {
		if err := os.Remove(root.Path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break // somebody has something in it
		}
	}
	return nil
}
