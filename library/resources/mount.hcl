option "mount.*.source" {
  type        = string
  description = "What is mounted: a device, a dataset, or a path for a bind mount."
  example     = "/persist/var/lib/docker"
}

option "mount.*.fstype" {
  type        = string
  default     = contains(self.options, "bind") ? "none" : "auto"
  description = "The type of the file system."
}

option "mount.*.options" {
  type        = list(string)
  default     = []
  description = "Options of mount(8)."
  example     = ["bind"]
}

option "mount.*.needed_in_boot" {
  type        = bool
  default     = false
  description = "Whether it is mounted in the initrd, before the system starts."
}

option "mount.*.hide" {
  type        = bool
  default     = false
  description = "Whether file managers leave it out of their lists."
}

option "swap.*.size" {
  type        = optional(size)
  description = "The size of a swap file, which is made; a device has its own."
}

option "swap.*.priority" {
  type        = optional(number)
  description = "The device with the highest priority is used first."
}
