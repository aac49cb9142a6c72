# TRIM for file systems other than ZFS, by util-linux's timer.

option "services.fstrim.enable" {
  type        = optional(bool)
  description = "Whether to trim file systems weekly: fstrim(8) tells disks which blocks are free."
}

unit "fstrim.timer" {
  when    = config.services.fstrim.enable != null
  enabled = config.services.fstrim.enable
}
