# fuzzel, which finds and starts applications.

option "programs.fuzzel.enable" {
  type        = bool
  default     = false
  description = "Whether fuzzel is installed."
}

config {
  when     = config.programs.fuzzel.enable
  packages = ["fuzzel"]
}
