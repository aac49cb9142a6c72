package eval

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

// partition checks one partition by itself.
func (d *decoder) partition(p spec.Partition, y *entry) {
	switch {
	case y.bad:
	case p.Pool != "" && p.Filesystem != "":
		y.fail("pool", "Conflicting definitions", fmt.Sprintf("it has a file system, %s, and belongs to pool %q: a partition is one of the two.", p.Filesystem, p.Pool))
	case p.Mount != "" && p.Filesystem == "":
		y.fail("mount", "Nothing to mount", "it has a mount point and no filesystem; a pool is mounted through its datasets.")
	case p.Type == "esp" && p.Filesystem != "vfat":
		y.fail("type", "Invalid partition", `firmware can read an EFI system partition only with filesystem = "vfat".`)
	case p.Type == "esp" && p.Mount == "/boot":
		y.fail("mount", "EFI system partition on /boot", "dpkg makes hard links in /boot when it unpacks a kernel, and FAT has none. Mount it on /efi, and leave /boot on the root file system.")
	}
}

// checkDisks checks the disks, pools, mounts and the rest of a host against each
// other.
func (d *decoder) checkDisks() {
	d.checkPartitions()
	d.checkPools()
	d.checkMountPoints()
	d.checkESP()
	d.checkKey()
	d.checkBinds()
}

func (d *decoder) checkPartitions() {
	for _, name := range slices.Sorted(maps.Keys(d.host.Disks)) {
		parts := d.host.Disks[name].Partitions
		byOrder := map[int]string{}
		last := ""
		for _, part := range slices.Sorted(maps.Keys(parts)) {
			p := parts[part]
			at := d.part(spec.KindDisk, name, "partition", part)
			if p.Pool != "" {
				if _, ok := d.host.Zpools[p.Pool]; !ok {
					d.failAt(at.With("pool"), "Unknown pool", fmt.Sprintf("there is no zpool %q.%s", p.Pool, option.DidYouMean(p.Pool, slices.Collect(maps.Keys(d.host.Zpools)))))
				}
			}
			if other, taken := byOrder[p.Order]; taken {
				d.failAt(at.With("order"), "Same place twice", fmt.Sprintf("partition %q also has order %d.", other, p.Order))
			}
			byOrder[p.Order] = part
			if last == "" || p.Order > parts[last].Order {
				last = part
			}
		}
		for _, part := range slices.Sorted(maps.Keys(parts)) {
			if parts[part].Size == "100%" && part != last {
				d.failAt(d.part(spec.KindDisk, name, "partition", part).With("size"), "No room", fmt.Sprintf("it takes all the space that is left, and partition %q comes after it.", last))
			}
		}
	}
}

func (d *decoder) checkPools() {
	members := map[string]int{}
	for _, disk := range d.host.Disks {
		for _, p := range disk.Partitions {
			members[p.Pool]++
		}
	}
	least := map[string]int{"mirror": 2, "raidz1": 2, "raidz2": 3, "raidz3": 4}
	for _, name := range slices.Sorted(maps.Keys(d.host.Zpools)) {
		pool := d.host.Zpools[name]
		p := option.Path{string(spec.KindZpool), name}
		switch need := max(least[pool.Layout], 1); {
		case members[name] == 0:
			d.failAt(p, "Empty pool", fmt.Sprintf("no partition belongs to it: write partition \"data\" { pool = %q } in a disk block.", name))
		case members[name] < need:
			d.failAt(p.With("layout"), "Too few partitions", fmt.Sprintf("%s needs at least %d partitions, and the pool has %d.", pool.Layout, need, members[name]))
		}
		for _, set := range slices.Sorted(maps.Keys(pool.Datasets)) {
			if parent := path.Dir(set); parent != "." && !has(pool.Datasets, parent) {
				d.failAt(d.part(spec.KindZpool, name, "dataset", set), "No parent dataset", fmt.Sprintf("dataset %q is not declared.%s", parent, option.DidYouMean(parent, slices.Collect(maps.Keys(pool.Datasets)))))
			}
		}
	}
}

func (d *decoder) checkMountPoints() {
	seen := map[string]option.Path{}
	for _, m := range d.host.MountPoints() {
		at := d.mountedBy(m)
		if !path.IsAbs(m.Path) || path.Clean(m.Path) != m.Path {
			d.failAt(at, "Invalid path", fmt.Sprintf("%q is not an absolute path without . and ..", m.Path))
			continue
		}
		if first, taken := seen[m.Path]; taken {
			where := ""
			if r := d.e.entryRange(first); r != nil {
				where = " at " + option.At(*r)
			}
			d.failAt(at, "Mounted twice", fmt.Sprintf("%s is already the mount point of %s%s.", m.Path, first, where))
			continue
		}
		seen[m.Path] = at
	}
}

// checkESP: the boot loader is where a partition is mounted.
func (d *decoder) checkESP() {
	if d.host.Boot == nil || d.host.Boot.ESP == "" || len(d.host.Disks) == 0 {
		return
	}
	for _, disk := range d.host.Disks {
		for _, p := range disk.Partitions {
			if p.Type == "esp" && p.Mount == d.host.Boot.ESP {
				return
			}
		}
	}
	d.failOption(option.Path{"boot", "loader", "efi", "mount_point"}, option.Path{"boot", "loader", "systemd_boot", "enable"}, "No EFI system partition",
		fmt.Sprintf("boot.loader expects it on %s, and no partition of type esp is mounted there.", d.host.Boot.ESP))
}

// checkBinds checks bind mounts on a root that forgets against the file systems
// at both ends: the source must survive a boot, and the target must not.
func (d *decoder) checkBinds() {
	if d.host.Boot == nil || !d.host.Boot.RollbackRoot {
		return
	}
	lost, stays := map[string][]string{}, map[string][]string{}
	for _, at := range slices.Sorted(maps.Keys(d.host.Mounts)) {
		m := d.host.Mounts[at]
		if !slices.Contains(m.Options, "bind") {
			continue
		}
		if d.filesystemOf(m.Source) == "/" {
			lost[strings.TrimSuffix(m.Source, at)] = append(lost[strings.TrimSuffix(m.Source, at)], at)
		} else if on := d.filesystemOf(at); on != "/" {
			stays[on] = append(stays[on], at)
		}
	}
	for _, root := range slices.Sorted(maps.Keys(lost)) {
		d.e.fail(d.e.entryRange(option.Path{string(spec.KindMount), lost[root][0]}), "Undeclared mount",
			fmt.Sprintf("%s keeps %s, and no disk, zpool or mount of this host contains it: it is on the root file system, which loses it at each boot.", root, english(lost[root])))
	}
	for _, on := range slices.Sorted(maps.Keys(stays)) {
		at := d.e.entryRange(option.Path{string(spec.KindMount), stays[on][0]})
		d.e.report(hcl.Diagnostics{{Severity: hcl.DiagWarning, Summary: "Kept twice", Subject: at,
			Detail: fmt.Sprintf("%s survives a boot anyway: %s is a separate file system, and only the root file system is reset.", english(stays[on]), on)}})
	}
}

// english names the first of some paths and counts the others.
func english(paths []string) string {
	if len(paths) == 1 {
		return paths[0]
	}
	return fmt.Sprintf("%s and %d more", paths[0], len(paths)-1)
}

// filesystemOf is the mount point above a path, leaving out bind mounts.
func (d *decoder) filesystemOf(p string) string {
	best := "/"
	for _, m := range d.host.MountPoints() {
		bind := m.By.Kind == spec.KindMount && slices.Contains(d.host.Mounts[m.Path].Options, "bind")
		if !bind && len(m.Path) > len(best) && strings.HasPrefix(p, m.Path+"/") {
			best = m.Path
		}
	}
	return best
}

// checkKey refuses a private key that the next boot would lose.
func (d *decoder) checkKey() {
	key := d.host.Settings.AgeKeyFile
	if len(d.host.Secrets) == 0 || key == "" {
		return
	}
	mount := d.filesystemOf(key)
	at, or := option.Path{"secrets", "age_key_file"}, option.Path{"boot", "rollback_root"}
	top, _, _ := strings.Cut(strings.TrimPrefix(key, "/"), "/")
	switch {
	case mount != "/":
	case d.host.Boot != nil && d.host.Boot.RollbackRoot:
		d.failOption(at, or, "Key is lost at boot", fmt.Sprintf("secrets.age_key_file is %s, on the root file system, which loses it at each boot (boot.rollback_root). Keep it on another file system.", key))
	case !slices.Contains(strings.Fields(rootFolders), top):
		d.failOption(at, or, "Undeclared mount", fmt.Sprintf("secrets.age_key_file is %s, and no disk, zpool or mount of this host contains /%s.", key, top))
	}
}

// rootFolders are the folders that every Debian system has (hier(7)). Any other
// one must be a mount point.
const rootFolders = "bin boot etc home lib media mnt opt root run sbin srv tmp usr var"

func (d *decoder) part(kind spec.Kind, name, of, part string) option.Path {
	return option.Path{string(kind), name, of, part}
}

func (d *decoder) mountedBy(m spec.MountPoint) option.Path {
	p := option.Path{string(m.By.Kind), m.By.Name}
	switch m.By.Kind {
	case spec.KindDisk:
		return append(p, "partition", m.Part)
	case spec.KindZpool:
		return append(p, "dataset", m.Part)
	}
	return p
}

// failAt reports an error at the line that decides an option of an entry, or that
// makes the entry p.
func (d *decoder) failAt(p option.Path, summary, detail string) {
	if n, taken := d.e.root.Find(p); taken == len(p) && n.IsOption() {
		(&entry{e: d.e, path: p[:len(p)-1]}).fail(p[len(p)-1], summary, detail)
		return
	}
	d.e.fail(d.e.entryRange(p), summary, fmt.Sprintf("%s: %s", p, detail))
}

// failOption reports an error at the line that decides an option: the first of
// two that anything defines.
func (d *decoder) failOption(p, or option.Path, summary, detail string) {
	var at *hcl.Range
	for _, q := range []option.Path{or, p} {
		n, taken := d.e.root.Find(q)
		if taken == len(q) && (d.e.touched[n] || d.e.defs[n] != nil) {
			if c := d.e.leafAt(q); c != nil && c.strongest() != nil {
				at = c.strongest()
			}
		}
	}
	d.e.fail(at, summary, detail)
}

func has[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}
