option "zpool.*.layout" {
  type        = enum("stripe", "mirror", "raidz1", "raidz2", "raidz3")
  default     = "stripe"
  description = "How the pool's partitions share the data; a single one is a stripe."
}

option "zpool.*.options" {
  type        = map(string)
  default     = {}
  description = "Properties of the pool itself, zpoolprops(7)."
  example     = { ashift = 12, autotrim = "on" }
}

option "zpool.*.properties" {
  type        = map(string)
  default     = {}
  description = "Properties of the pool's own dataset, which the others inherit, zfsprops(7)."
  example     = { canmount = "off", compression = "zstd" }
}

option "zpool.*.dataset.*.properties" {
  type        = map(string)
  default     = {}
  description = "Properties of the dataset, zfsprops(7)."
  example     = { encryption = "aes-256-gcm", keyformat = "passphrase" }
}

option "zpool.*.dataset.*.mount" {
  type        = optional(path)
  description = "Where it is mounted."
}

option "zpool.*.dataset.*.needed_in_boot" {
  type        = bool
  default     = self.mount == "/"
  description = "Whether it is mounted in the initrd, before the system starts."
}

option "zpool.*.dataset.*.blank_snapshot" {
  type        = bool
  default     = false
  description = "Whether a snapshot called blank is taken while it is empty."
}

option "zpool.*.dataset.*.key_location_after_create" {
  type        = optional(string)
  description = "The keylocation that the dataset has once it is made, so that a key file used for that does not stay."
  example     = "prompt"
}
