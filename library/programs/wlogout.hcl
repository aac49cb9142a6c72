# wlogout, a menu to end the session.

option "programs.wlogout.enable" {
  type        = bool
  default     = false
  description = "Whether wlogout is installed."
}

config {
  when     = config.programs.wlogout.enable
  packages = ["wlogout"]
}
