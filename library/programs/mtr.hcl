# mtr, without its window. Its package lets every user send the probes.

option "programs.mtr.enable" {
  type        = bool
  default     = false
  description = "Whether mtr, which traces routes, is installed."
}

config {
  when     = config.programs.mtr.enable
  packages = ["mtr-tiny"]
}
