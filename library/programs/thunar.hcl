# Thunar, a file manager, and what gives it disks, shares and previews.

option "programs.thunar.enable" {
  type        = bool
  default     = false
  description = "Whether to install Thunar, a file manager."
}

option "programs.thunar.plugins" {
  type        = set(enum("thunar-archive-plugin", "thunar-media-tags-plugin", "thunar-volman"))
  default     = []
  description = "Thunar plug-ins to install."
  example     = ["thunar-volman"]
}

config {
  when     = config.programs.thunar.enable
  packages = concat(["thunar", "xfconf", "gvfs", "gvfs-backends", "gvfs-fuse", "tumbler"], config.programs.thunar.plugins)
}
