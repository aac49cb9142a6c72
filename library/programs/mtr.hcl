# mtr, without its graphical interface. Its package lets every user send probes.

option "programs.mtr.enable" {
  type        = bool
  default     = false
  description = "Whether to install mtr, which traces network routes."
}

config {
  when     = config.programs.mtr.enable
  packages = ["mtr-tiny"]
}
