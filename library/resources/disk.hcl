option "disk.*.device" {
  type        = path
  description = "The whole disk. A name below /dev/disk/by-id stays the same when disks move."
  example     = "/dev/disk/by-id/nvme-WD_BLACK_SN850X_2TB_23012345"
}

option "disk.*.partition.*.order" {
  type        = number
  description = "The order of the partitions on the disk, lowest number first."
}

option "disk.*.partition.*.size" {
  type        = size
  description = "The size. 100% takes all the space that the others leave."
  example     = "2G"
}

option "disk.*.partition.*.type" {
  type        = enum("esp", "bios", "linux", "swap", "zfs")
  default     = self.pool == null ? "linux" : "zfs"
  description = "The partition's type in the partition table."
}

option "disk.*.partition.*.filesystem" {
  type        = optional(enum("vfat", "ext4", "xfs", "btrfs"))
  description = "The file system to make in it."
}

option "disk.*.partition.*.mount" {
  type        = optional(path)
  description = "Where to mount it."
  example     = "/efi"
}

option "disk.*.partition.*.mount_options" {
  type        = list(string)
  default     = []
  description = "Mount options, as in mount(8)."
  example     = ["umask=0077"]
}

option "disk.*.partition.*.pool" {
  type        = optional(string)
  description = "The zpool that it belongs to."
}

option "disk.*.partition.*.encryption" {
  type        = optional(enum("luks2"))
  description = "How to encrypt the whole partition. Datasets of a zpool are encrypted through their own properties."
}
