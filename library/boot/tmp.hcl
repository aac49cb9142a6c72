# /tmp in memory, which is Debian's default since 13: this keeps it that way.

option "boot.tmp.use_tmpfs" {
  type        = optional(bool)
  description = "Whether /tmp is in memory. With false it is on disk, and is emptied at boot. Takes effect at the next boot."
}

unit "tmp.mount" {
  when   = config.boot.tmp.use_tmpfs != null
  masked = !config.boot.tmp.use_tmpfs
}

file "/etc/tmpfiles.d/hostctl-tmp.conf" {
  when    = config.boot.tmp.use_tmpfs == false
  content = "D! /tmp 1777 root root -\n"
}
