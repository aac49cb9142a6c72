# htop.

option "programs.htop.enable" {
  type        = bool
  default     = false
  description = "Whether to install htop, a process viewer."
}

config {
  when     = config.programs.htop.enable
  packages = ["htop"]
}
