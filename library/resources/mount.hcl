option "mount.*.source" {
  type        = string
  description = "What to mount: a device, a dataset, or a path for a bind mount."
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
  description = "Mount options, as in mount(8)."
  example     = ["bind"]
}

option "mount.*.needed_in_boot" {
  type        = bool
  default     = false
  description = "Whether the initrd mounts it, before the system starts."
}

option "mount.*.hide" {
  type        = bool
  default     = false
  description = "Whether file managers hide it."
}

option "swap.*.size" {
  type        = optional(size)
  description = "The size of a swap file, which hostctl creates. A device has its own size."
}

option "swap.*.priority" {
  type        = optional(number)
  description = "The swap priority. The kernel uses the device with the highest one first."
}
