# fwupd, which brings firmware updates. D-Bus starts it when it is asked for.

option "services.fwupd.enable" {
  type        = bool
  default     = false
  description = "Whether there is fwupd, which brings firmware updates."
}

config {
  when     = config.services.fwupd.enable
  packages = ["fwupd"]
}

unit "fwupd-refresh.timer" {
  when    = config.services.fwupd.enable
  enabled = true
}
