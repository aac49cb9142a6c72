# ZFS. Its kernel module is built on the host (DKMS), so the kernel's headers
# must be installed.

option "boot.supported_filesystems" {
  type        = set(enum("btrfs", "cifs", "exfat", "nfs", "ntfs", "xfs", "zfs"))
  default     = []
  description = "File systems to install the tools of. For zfs, this includes the kernel module and its initrd support."
  example     = ["zfs"]
}

option "boot.zfs.allow_hibernation" {
  type        = bool
  default     = false
  description = "Whether a host with ZFS may hibernate. A pool that is imported while the hibernation image is read back gets damaged."
}

locals {
  zfs = contains(config.boot.supported_filesystems, "zfs")
  tools = {
    btrfs = ["btrfs-progs"]
    cifs  = ["cifs-utils"]
    exfat = ["exfatprogs"]
    nfs   = ["nfs-common"]
    ntfs  = ["ntfs-3g"]
    xfs   = ["xfsprogs"]
    zfs   = ["zfs-dkms", "zfsutils-linux", "zfs-zed", config.boot.initrd.systemd.enable == true ? "zfs-dracut" : "zfs-initramfs"]
  }
}

package {
  for_each = toset(flatten([for fs in config.boot.supported_filesystems : local.tools[fs]]))
}

config {
  when = local.zfs && !config.boot.zfs.allow_hibernation
  boot { kernel_params = ["nohibernate"] }
  unit "hibernate.target" { masked = true }
  unit "hybrid-sleep.target" { masked = true }
}

assert "zfs_host_id" {
  condition = !local.zfs || config.networking.host_id != null
  message   = "A host with ZFS needs networking.host_id, by which ZFS tells which host a pool belongs to. Take eight hexadecimal digits: openssl rand -hex 4."
}
