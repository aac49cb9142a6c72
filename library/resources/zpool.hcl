option "zpool.*.layout" {
  type        = enum("stripe", "mirror", "raidz1", "raidz2", "raidz3")
  default     = "stripe"
  description = "How to spread the data over the pool's partitions. A single partition is a stripe."
}

option "zpool.*.options" {
  type        = map(string)
  default     = {}
  description = "Properties of the pool itself (zpoolprops(7))."
  example     = { ashift = 12, autotrim = "on" }
}

option "zpool.*.properties" {
  type        = map(string)
  default     = {}
  description = "Properties of the pool's root dataset, which the others inherit (zfsprops(7))."
  example     = { canmount = "off", compression = "zstd" }
}

option "zpool.*.dataset.*.properties" {
  type        = map(string)
  default     = {}
  description = "Properties of the dataset (zfsprops(7))."
  example     = { encryption = "aes-256-gcm", keyformat = "passphrase" }
}

option "zpool.*.dataset.*.mount" {
  type        = optional(path)
  description = "Where to mount it."
}

option "zpool.*.dataset.*.needed_in_boot" {
  type        = bool
  default     = self.mount == "/"
  description = "Whether the initrd mounts it, before the system starts."
}

option "zpool.*.dataset.*.blank_snapshot" {
  type        = bool
  default     = false
  description = "Whether to take a snapshot called blank while the dataset is empty."
}

option "zpool.*.dataset.*.key_location_after_create" {
  type        = optional(string)
  description = "The keylocation of the dataset after it is created, so that the key file that created it is not needed later."
  example     = "prompt"
}
