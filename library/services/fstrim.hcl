# TRIM for file systems other than ZFS, by util-linux's timer.

option "services.fstrim.enable" {
  type        = optional(bool)
  description = "Whether disks are told once a week which blocks are free."
}

unit "fstrim.timer" {
  when    = config.services.fstrim.enable != null
  enabled = config.services.fstrim.enable
}
