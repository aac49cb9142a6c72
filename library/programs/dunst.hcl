# dunst, which shows notifications. D-Bus starts it when one arrives.

option "programs.dunst.enable" {
  type        = bool
  default     = false
  description = "Whether to install dunst, which shows notifications."
}

config {
  when     = config.programs.dunst.enable
  packages = ["dunst"]
}
