# wlogout, a menu to end the session.

option "programs.wlogout.enable" {
  type        = bool
  default     = false
  description = "Whether to install wlogout, a logout menu for Wayland."
}

config {
  when     = config.programs.wlogout.enable
  packages = ["wlogout"]
}
