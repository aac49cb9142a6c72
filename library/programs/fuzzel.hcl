# fuzzel, an application launcher.

option "programs.fuzzel.enable" {
  type        = bool
  default     = false
  description = "Whether to install fuzzel, an application launcher."
}

config {
  when     = config.programs.fuzzel.enable
  packages = ["fuzzel"]
}
