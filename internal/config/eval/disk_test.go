package eval

import (
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// disks is a machine whose root forgets and whose /persist stays.
const disks = `
disk "main" {
  device = "/dev/nvme0n1"
  partition "esp" {
    order      = 1
    size       = "2G"
    type       = "esp"
    filesystem = "vfat"
    mount      = "/efi"
  }
  partition "zfs" {
    order = 2
    size  = "100%"
    pool  = "zroot"
  }
}
zpool "zroot" {
  dataset "root" {
    mount = "/"
  }
  dataset "persist" {
    mount = "/persist"
  }
}
boot {
  rollback_root = true
  loader {
    systemd_boot { enable = true }
  }
}
user "psiri" {}
persistence "/persist" {
  directories = ["/var/lib/docker"]
  user "psiri" { directories = [".config", ".config/Slack"] }
}
`

func TestDisks(t *testing.T) {
	r, diags := evalDir(t, writeFlake(t, disks))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	var points []string
	for _, m := range r.Spec.MountPoints() {
		points = append(points, m.Path)
	}
	if want := []string{"/efi", "/persist", "/", "/home/psiri/.config", "/var/lib/docker"}; !slices.Equal(points, want) {
		t.Errorf("mount points are %q, want %q: an entry below another one is part of it", points, want)
	}
	if m := r.Spec.Mounts["/var/lib/docker"]; m.Source != "/persist/var/lib/docker" || m.FSType != "none" || !m.Hide {
		t.Errorf("the bind mount is %+v", m)
	}
	if d := r.Spec.Zpools["zroot"].Datasets["root"]; !d.NeededInBoot {
		t.Error("the root is needed in boot without being told")
	}
	if b := r.Spec.Boot; b == nil || b.Loader != "systemd-boot" || b.ESP != "/efi" || !b.RollbackRoot {
		t.Errorf("boot is %+v", b)
	}
	if o := r.Spec.Origins[spec.ID{Kind: spec.KindMount, Name: "/var/lib/docker"}]; o.File != "h.hcl" || o.Line != 33 {
		t.Errorf("the bind mount comes from %s, want the line of the persistence entry", o)
	}
}

func TestDiskMistakes(t *testing.T) {
	const pool = "zpool \"p\" {}\n"
	part := func(lines string) string {
		return "disk \"d\" {\n device = \"/dev/sda\"\n partition \"a\" {\n  order = 1\n  size = \"1G\"\n" + lines + "\n }\n}\n"
	}
	for _, c := range []evalCase{
		{name: "a pool that is not declared", files: part(`  pool = "zrot"`) + "zpool \"zroot\" {}\n", errs: []string{`h.hcl:6,3-16: Unknown pool; disk.d.partition.a: there is no zpool "zrot". Did you mean "zroot"?`, "Empty pool"}},
		{name: "ESP on /boot", files: part("  type = \"esp\"\n  filesystem = \"vfat\"\n  mount = \"/boot\""), errs: []string{"dpkg makes hard links in /boot"}},
		{name: "a mount without a file system", files: part(`  mount = "/srv"`), errs: []string{"Nothing to mount"}},
		{name: "a file system and a pool", files: part("  filesystem = \"ext4\"\n  pool = \"p\"") + pool, errs: []string{`it has a file system, ext4, and belongs to pool "p"`}},
		{name: "mounted twice", files: part("  filesystem = \"ext4\"\n  mount = \"/srv\"") + "mount \"/srv\" { source = \"/dev/sdb1\" }\n", errs: []string{"/srv is already the mount point of disk.d.partition.a at h.hcl:3"}},
		{name: "a mirror of one", files: part(`  pool = "p"`) + `zpool "p" { layout = "mirror" }`, errs: []string{"mirror needs at least 2 partitions, and the pool has 1"}},
		{name: "a dataset below nothing", files: part(`  pool = "p"`) + "zpool \"p\" {\n dataset \"encrypted/root\" {}\n dataset \"encryptd\" {}\n}\n", errs: []string{`dataset "encrypted" is not declared. Did you mean "encryptd"?`}},
		{name: "a loader without its partition", files: part("  filesystem = \"ext4\"\n  mount = \"/\"") + "boot {\n loader {\n  systemd_boot { enable = true }\n }\n}\n", errs: []string{"no partition of type esp is mounted there"}},
		{name: "the loader's partition on /boot", files: "boot {\n loader {\n  efi { mount_point = \"/boot\" }\n }\n}\n", errs: []string{"FAT has none"}},
		{name: "rollback without persistence", files: "boot { rollback_root = true }\n", errs: []string{"no persistence block names what to keep"}},
		{name: "persistence without rollback", files: "persistence \"/persist\" { directories = [\"/var/lib/x\"] }\n", errs: []string{"nothing resets it"}},
		{name: "persistence below nothing", files: "boot { rollback_root = true }\npersistence \"/persist\" { directories = [\"/var/lib/x\", \"/var/lib/y\"] }\n", errs: []string{"h.hcl:2,41-53: Undeclared mount; /persist keeps /var/lib/x and 1 more"}},
		{name: "what stays anyway", files: disks + "mount \"/var/lib\" { source = \"/dev/sdb1\" }\n", warns: []string{"/var/lib/docker survives a boot anyway: /var/lib is a separate file system"}},
		{name: "a key file that is lost", files: disks + "secret \"x\" { file = \"./h.hcl\" }\n", errs: []string{"Key is lost at boot"}},
		{name: "a key file below nothing", files: "secrets { age_key_file = \"/persist/key\" }\nsecret \"x\" { file = \"./h.hcl\" }\n", errs: []string{"no disk, zpool or mount of this host contains /persist"}},
		{name: "a host id that is none", files: "networking { host_id = \"8425E349\" }\n", errs: []string{"eight lower-case hexadecimal digits"}},
		{name: "partitions at one place, and one after the rest", files: "disk \"d\" {\n device = \"/dev/sda\"\n partition \"a\" {\n  order = 1\n  size = \"100%\"\n }\n partition \"b\" {\n  order = 1\n  size = \"1G\"\n }\n partition \"c\" {\n  order = 2\n  size = \"1G\"\n }\n}\n",
			errs: []string{`it takes all the space that is left, and partition "c" comes after it`, `partition "a" also has order 1`}},
	} {
		t.Run(c.name, c.run)
	}
}
