# Thunar, a file manager, and what shows it disks, shares and previews.

option "programs.thunar.enable" {
  type        = bool
  default     = false
  description = "Whether Thunar is installed."
}

option "programs.thunar.plugins" {
  type        = set(enum("thunar-archive-plugin", "thunar-media-tags-plugin", "thunar-volman"))
  default     = []
  description = "Plug-ins of Thunar."
  example     = ["thunar-volman"]
}

config {
  when     = config.programs.thunar.enable
  packages = concat(["thunar", "xfconf", "gvfs", "gvfs-backends", "gvfs-fuse", "tumbler"], config.programs.thunar.plugins)
}
