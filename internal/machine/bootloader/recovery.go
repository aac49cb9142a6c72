// Package bootloader is what is between a machine's firmware and its PID 1, as
// Debian's tools make it: the images of initramfs-tools and dracut, the place of
// hostctl's recovery in them, and the boot loader that names them.
package bootloader

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/system"
)

//go:embed hostctl-recover.service
var recoverUnit []byte

const (
	kernelPrefix = "/boot/vmlinuz-"
	imagePrefix  = "/boot/initrd.img-"

	hookPath = "/etc/initramfs-tools/scripts/local-bottom/hostctl"
	hookName = "scripts/local-bottom/hostctl" // inside an initramfs
	unitPath = "/etc/systemd/system/hostctl-recover.service"
	unitLink = "/etc/systemd/system/multi-user.target.wants/hostctl-recover.service"
)

// RecoveryPaths are the files that InstallRecovery writes, and those of their
// folders that Debian may lack.
func RecoveryPaths() []string {
	var out []string
	for _, g := range generators() {
		out = append(append(out, g.folders()...), slices.Sorted(maps.Keys(g.part))...)
	}
	return append(out, unitPath, filepath.Dir(unitLink), unitLink)
}

// InstallRecovery puts the two places at which a boot finds an open change
// into the root: a part of the initramfs, where something is there to make one,
// and a unit for what has to wait for systemd. They belong to no generation,
// since a rollback needs them as much as a switch.
func InstallRecovery(root system.Root) error {
	is := generatorOf(root)
	for _, g := range generators() {
		put := g.uninstall
		if is != nil && g.mark == is.mark {
			put = g.install
		}
		if err := put(root); err != nil {
			return err
		}
	}
	if !isDir(root.Path("/usr/lib/systemd/system")) {
		return nil
	}
	if err := install(root, unitPath, recoverUnit, 0o644); err != nil {
		return err
	}
	link := root.Path(unitLink)
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return fmt.Errorf("cannot enable hostctl's recovery: %w", err)
	}
	if err := os.Symlink(unitPath, link); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot enable hostctl's recovery: %w", err)
	}
	return nil
}

func install(root system.Root, path string, content []byte, mode os.FileMode) error {
	at := root.Path(path)
	if have, err := os.ReadFile(at); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("cannot install hostctl's recovery: %w", err)
	}
	return system.WriteFile(at, content, mode, 0, 0)
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// Boots are the kernels that a root has in /boot, and what they start with.
type Boots struct {
	Kernels  []string // paths of vmlinuz-*
	Initrds  []string // paths of their images
	Without  []string // versions whose image lacks the recovery
	verified map[string]string
}

// initrdStamp distinguishes an image from its successor.
func initrdStamp(path string) (string, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d", fi.Size(), fi.ModTime().UnixNano()), nil
}

// Look lists what the live root can boot, and which images lack the recovery.
// Inspecting an image takes a second, so it records those that have it in the file
// at notes.
func Look(ctx context.Context, notes string) (*Boots, error) {
	b := &Boots{verified: map[string]string{}}
	var err error
	if b.Kernels, err = filepath.Glob(kernelPrefix + "*"); err != nil {
		return nil, err
	}
	g := generatorOf("/")
	for _, kernel := range b.Kernels {
		if g == nil {
			break // nobody here can look into an image, or make another
		}
		image := imagePrefix + strings.TrimPrefix(kernel, kernelPrefix)
		if _, err := os.Lstat(image); err == nil { // others in /boot are copies that no kernel starts with
			b.Initrds = append(b.Initrds, image)
		}
	}
	known := map[string]string{}
	if text, err := os.ReadFile(notes); err == nil {
		_ = json.Unmarshal(text, &known) // unreadable notes are made again
	}
	for _, path := range b.Initrds {
		stamp, err := initrdStamp(path)
		if err != nil {
			return nil, err
		}
		has := known[path] == stamp
		if !has {
			if has, err = g.hasPart(ctx, path); err != nil {
				return nil, err
			}
		}
		if has {
			b.verified[path] = stamp
		} else {
			b.Without = append(b.Without, strings.TrimPrefix(path, imagePrefix))
		}
	}
	if len(b.Initrds) == 0 {
		return b, nil
	}
	text, err := json.Marshal(b.verified)
	if err != nil {
		return nil, err
	}
	return b, system.WriteFile(notes, text, 0o600, 0, 0)
}

// hasPart looks for hostctl's part in an image.
func (g *generator) hasPart(ctx context.Context, image string) (bool, error) {
	files, err := g.list(ctx, image)
	if err != nil {
		return false, fmt.Errorf("cannot look into %s: %w", image, err)
	}
	return slices.Contains(files, g.inside), nil
}
