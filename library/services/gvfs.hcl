# GVfs, which gives file managers trash, shares and phones.

option "services.gvfs.enable" {
  type        = bool
  default     = false
  description = "Whether to install GVfs, with its backends (including SMB) and its FUSE mount."
}

config {
  when     = config.services.gvfs.enable
  packages = ["gvfs", "gvfs-backends", "gvfs-fuse"]
}
