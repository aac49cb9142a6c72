option "disk.*.device" {
  type        = path
  description = "The whole disk. A name below /dev/disk/by-id stays the same when disks are moved."
  example     = "/dev/disk/by-id/nvme-WD_BLACK_SN850X_2TB_23012345"
}

option "disk.*.partition.*.order" {
  type        = number
  description = "The place on the disk: partitions are made from the lowest number up."
}

option "disk.*.partition.*.size" {
  type        = size
  description = "The size; 100% is all that the others leave."
  example     = "2G"
}

option "disk.*.partition.*.type" {
  type        = enum("esp", "bios", "linux", "swap", "zfs")
  default     = self.pool == null ? "linux" : "zfs"
  description = "What the partition table says the partition is."
}

option "disk.*.partition.*.filesystem" {
  type        = optional(enum("vfat", "ext4", "xfs", "btrfs"))
  description = "The file system that is made in it."
}

option "disk.*.partition.*.mount" {
  type        = optional(path)
  description = "Where it is mounted."
  example     = "/efi"
}

option "disk.*.partition.*.mount_options" {
  type        = list(string)
  default     = []
  description = "Options of mount(8)."
  example     = ["umask=0077"]
}

option "disk.*.partition.*.pool" {
  type        = optional(string)
  description = "The zpool that it belongs to."
}

option "disk.*.partition.*.encryption" {
  type        = optional(enum("luks2"))
  description = "How the whole partition is encrypted. Datasets of a zpool are encrypted by their own properties."
}
