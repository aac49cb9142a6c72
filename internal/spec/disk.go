package spec

import (
	"maps"
	"slices"
)

// The kinds that are declared, checked and recorded, and that no switch applies:
// disks are set up when a machine is installed.
const (
	KindDisk  Kind = "disk"
	KindZpool Kind = "zpool"
	KindMount Kind = "mount"
	KindSwap  Kind = "swap"
	KindBoot  Kind = "boot"
)

// Disk is a whole block device and how it is divided.
type Disk struct {
	Device     string               `json:"device"` // below /dev; by-id names survive a change of slots
	Partitions map[string]Partition `json:"partition"`
}

// Partition is one partition of a GPT disk. It has a file system, belongs to a
// pool, or is swap (Type).
type Partition struct {
	Order        int      `json:"order"` // the order on the disk, lowest first
	Size         string   `json:"size"`  // "2G"; "100%" is all remaining space
	Type         string   `json:"type"`  // esp, bios, linux, swap or zfs
	Filesystem   string   `json:"filesystem,omitempty"`
	Mount        string   `json:"mount,omitempty"`
	MountOptions []string `json:"mount_options,omitempty"`
	Pool         string   `json:"pool,omitempty"`
	Encryption   string   `json:"encryption,omitempty"` // luks2, or none
}

// Zpool is a ZFS pool over every partition that names it.
type Zpool struct {
	Layout     string             `json:"layout"`     // stripe, mirror, raidz1, raidz2 or raidz3
	Options    map[string]string  `json:"options"`    // zpool create -o
	Properties map[string]string  `json:"properties"` // of the root dataset: zpool create -O
	Datasets   map[string]Dataset `json:"dataset"`    // by name below the pool
}

// Dataset is a ZFS file system.
type Dataset struct {
	Properties             map[string]string `json:"properties"`
	Mount                  string            `json:"mount,omitempty"`
	NeededInBoot           bool              `json:"needed_in_boot,omitempty"`
	BlankSnapshot          bool              `json:"blank_snapshot,omitempty"`            // snapshot @blank while it is empty
	KeyLocationAfterCreate string            `json:"key_location_after_create,omitempty"` // the keylocation after it is created
}

// Mount is a line of fstab(5) whose mount point is the resource's name.
type Mount struct {
	Source       string   `json:"source"`
	FSType       string   `json:"fstype"`
	Options      []string `json:"options"`
	NeededInBoot bool     `json:"needed_in_boot,omitempty"` // mounted in the initrd
	Hide         bool     `json:"hide,omitempty"`           // file managers do not list it
}

// Swap is a swap device or file; its name is the path.
type Swap struct {
	Size     string `json:"size,omitempty"` // of a file, which hostctl creates
	Priority *int   `json:"priority,omitempty"`
}

// Boot is how the machine starts. It is nil in a Host that does not set it.
type Boot struct {
	Loader            string   `json:"loader,omitempty"` // systemd-boot
	Timeout           *int     `json:"timeout,omitempty"`
	Editor            *bool    `json:"editor,omitempty"`              // whether the menu allows editing the command line
	TouchEFIVariables *bool    `json:"touch_efi_variables,omitempty"` // whether the firmware's boot order is written
	ESP               string   `json:"esp,omitempty"`                 // where the EFI system partition is mounted
	Initrd            string   `json:"initrd,omitempty"`              // dracut or initramfs-tools
	AvailableModules  []string `json:"available_modules,omitempty"`   // in the initrd
	ForcedModules     []string `json:"forced_modules,omitempty"`      // in the initrd, and loaded there
	RollbackRoot      bool     `json:"rollback_root,omitempty"`       // the root returns to the booted generation at each boot
	HostID            string   `json:"host_id,omitempty"`             // eight hex digits; ZFS ties pools to it
	KernelParams      []string `json:"kernel_params,omitempty"`
}

// MountPoint is a path where something is mounted, and the resource that declares
// it.
type MountPoint struct {
	Path string
	By   ID
	Part string // the partition or dataset of By
}

// MountPoints lists what is mounted where, by path and then by resource.
func (h *Host) MountPoints() []MountPoint {
	var out []MountPoint
	add := func(path string, kind Kind, name, part string) {
		if path != "" {
			out = append(out, MountPoint{path, ID{kind, name}, part})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Disks)) {
		for _, part := range slices.Sorted(maps.Keys(h.Disks[name].Partitions)) {
			add(h.Disks[name].Partitions[part].Mount, KindDisk, name, part)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Zpools)) {
		for _, part := range slices.Sorted(maps.Keys(h.Zpools[name].Datasets)) {
			add(h.Zpools[name].Datasets[part].Mount, KindZpool, name, part)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(h.Mounts)) {
		add(path, KindMount, path, "")
	}
	return out
}
