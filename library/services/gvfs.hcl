# GVfs, through which file managers see trash, shares and phones.

option "services.gvfs.enable" {
  type        = bool
  default     = false
  description = "Whether there is GVfs, with its backends (SMB among them) and its FUSE mount."
}

config {
  when     = config.services.gvfs.enable
  packages = ["gvfs", "gvfs-backends", "gvfs-fuse"]
}
