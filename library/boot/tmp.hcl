# /tmp in memory, which is Debian's default since 13: this keeps it so.

option "boot.tmp.use_tmpfs" {
  type        = optional(bool)
  description = "Whether /tmp is in memory. false leaves it on disk, and empties it at boot. It holds from the next boot on."
}

unit "tmp.mount" {
  when   = config.boot.tmp.use_tmpfs != null
  masked = !config.boot.tmp.use_tmpfs
}

file "/etc/tmpfiles.d/hostctl-tmp.conf" {
  when    = config.boot.tmp.use_tmpfs == false
  content = "D! /tmp 1777 root root -\n"
}
