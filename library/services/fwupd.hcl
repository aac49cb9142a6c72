# fwupd, which installs firmware updates. D-Bus starts it on demand.

option "services.fwupd.enable" {
  type        = bool
  default     = false
  description = "Whether to install fwupd, which installs firmware updates."
}

config {
  when     = config.services.fwupd.enable
  packages = ["fwupd"]
}

unit "fwupd-refresh.timer" {
  when    = config.services.fwupd.enable
  enabled = true
}
