# htop.

option "programs.htop.enable" {
  type        = bool
  default     = false
  description = "Whether htop, which shows processes, is installed."
}

config {
  when     = config.programs.htop.enable
  packages = ["htop"]
}
