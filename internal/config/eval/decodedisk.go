package eval

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

// below decodes the entries of a map inside an entry.
func (x *entry) below(name string, decode func(key string, y *entry)) {
	p := x.path.With(name)
	n, _ := x.e.root.Find(p)
	keys := x.e.keysCell(n, p)
	if !x.e.resolve(keys, hcl.Range{}) || keys.bad {
		x.bad = true
		return
	}
	for _, key := range keys.keys {
		decode(key, &entry{e: x.e, path: p.With(key)})
	}
}

func (x *entry) textMap(name string) map[string]string {
	out := map[string]string{}
	if v, ok := x.get(name); ok {
		for k, s := range v.AsValueMap() {
			out[k] = s.AsString()
		}
	}
	return out
}

func (x *entry) list(name string) []string {
	if l := x.texts(name); l != nil {
		return l
	}
	return []string{}
}

func (d *decoder) disk(name string, x *entry) {
	disk := spec.Disk{Device: x.text("device"), Partitions: map[string]spec.Partition{}}
	x.below("partition", func(part string, y *entry) {
		p := spec.Partition{
			Size: y.text("size"), Type: y.text("type"), Filesystem: y.text("filesystem"), Mount: y.text("mount"),
			MountOptions: y.texts("mount_options"), Pool: y.text("pool"), Encryption: y.text("encryption"),
		}
		if n := y.number("order"); n != nil {
			p.Order = *n
		}
		d.partition(p, y)
		disk.Partitions[part] = p
	})
	put(&d.host.Disks, name, disk)
}

func (d *decoder) zpool(name string, x *entry) {
	pool := spec.Zpool{Layout: x.text("layout"), Options: x.textMap("options"), Properties: x.textMap("properties"), Datasets: map[string]spec.Dataset{}}
	x.below("dataset", func(set string, y *entry) {
		pool.Datasets[set] = spec.Dataset{
			Properties: y.textMap("properties"), Mount: y.text("mount"), NeededInBoot: y.truth("needed_in_boot"),
			BlankSnapshot: y.truth("blank_snapshot"), KeyLocationAfterCreate: y.text("key_location_after_create"),
		}
	})
	put(&d.host.Zpools, name, pool)
}

func (d *decoder) mount(name string, x *entry) {
	m := spec.Mount{
		Source: x.text("source"), FSType: x.text("fstype"), Options: x.list("options"),
		NeededInBoot: x.truth("needed_in_boot"), Hide: x.truth("hide"),
	}
	put(&d.host.Mounts, name, m)
	if v, ok := x.get("source"); ok && v.AsString() == "" {
		x.fail("source", "Invalid value", "the source is empty: write a device, a dataset, or a path for a bind mount.")
	}
	for _, option := range m.Options {
		if option == "" || strings.ContainsFunc(option, unicode.IsSpace) && !strings.Contains(option, "=") {
			x.fail("options", "Invalid value", fmt.Sprintf("%q is not an option of mount(8). Write each option separately.", option))
		}
	}
}

func (d *decoder) swap(name string, x *entry) {
	s := spec.Swap{Size: x.text("size"), Priority: x.number("priority")}
	put(&d.host.Swaps, name, s)
	tag, value, _ := strings.Cut(name, "=")
	tagged := value != "" && slices.Contains([]string{"UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID"}, tag)
	if !path.IsAbs(name) && !tagged || strings.ContainsFunc(name, unicode.IsControl) {
		d.failAt(x.path, "Invalid name", fmt.Sprintf("%q is neither an absolute path nor UUID=…, LABEL=… or the like.", name))
	}
	if p := s.Priority; p != nil && (*p < -1 || *p > 32767) {
		x.fail("priority", "Invalid value", fmt.Sprintf("%d is not a priority: they go from -1 to 32767 (swapon(8)).", *p))
	}
}

// put adds to a map that stays nil on most hosts, so that their spec does not
// mention it.
func put[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = v
}

// boot reads the options of the boot loader and the initrd if anything defines
// them. Otherwise their files are not even parsed (language rule 21).
func (d *decoder) boot() {
	boot := option.Path{"boot"}
	b := &spec.Boot{
		Initrd:           map[string]string{"true": "dracut", "false": "initramfs-tools"}[d.said(boot.With("initrd").With("systemd").With("enable"))],
		AvailableModules: d.saidList(boot.With("initrd").With("available_kernel_modules")),
		ForcedModules:    d.saidList(boot.With("initrd").With("kernel_modules")),
		RollbackRoot:     d.said(boot.With("rollback_root")) == "true",
		HostID:           d.said(option.Path{"networking", "host_id"}),
		KernelParams:     d.saidList(boot.With("kernel_params")),
	}
	if d.said(boot.With("loader").With("systemd_boot").With("enable")) == "true" {
		d.loader(b, boot.With("loader"))
	}
	if b.Loader+b.Initrd+b.HostID != "" || b.RollbackRoot || len(b.AvailableModules)+len(b.ForcedModules)+len(b.KernelParams) > 0 {
		d.host.Boot = b
	}
}

func (d *decoder) loader(b *spec.Boot, p option.Path) {
	menu, efi := &entry{e: d.e, path: p.With("systemd_boot")}, &entry{e: d.e, path: p.With("efi")}
	b.Loader = "systemd-boot"
	b.Timeout = (&entry{e: d.e, path: p}).number("timeout")
	b.Editor = menu.maybe("editor")
	b.TouchEFIVariables = efi.maybe("can_touch_variables")
	b.ESP = efi.text("mount_point")
}

// said is the text of an option that something defines.
func (d *decoder) said(p option.Path) string {
	if v, ok := d.saidValue(p); ok {
		if v.Type() == cty.Bool {
			return map[bool]string{true: "true", false: "false"}[v.True()]
		}
		return v.AsString()
	}
	return ""
}

func (d *decoder) saidList(p option.Path) []string {
	v, ok := d.saidValue(p)
	if !ok {
		return nil
	}
	var out []string
	for _, s := range v.AsValueSlice() {
		out = append(out, s.AsString())
	}
	return out
}

func (d *decoder) saidValue(p option.Path) (cty.Value, bool) {
	n, taken := d.e.root.Find(p)
	if taken != len(p) || !d.e.touched[n] && d.e.defs[n] == nil {
		return cty.NilVal, false
	}
	x := &entry{e: d.e, path: p[:len(p)-1]}
	return x.get(p[len(p)-1])
}
