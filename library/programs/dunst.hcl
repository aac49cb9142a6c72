# dunst, which shows notifications. D-Bus starts it when one comes.

option "programs.dunst.enable" {
  type        = bool
  default     = false
  description = "Whether dunst is installed."
}

config {
  when     = config.programs.dunst.enable
  packages = ["dunst"]
}
