# Upkeep of ZFS pools, by the timers of zfsutils-linux. Its cron job does the
# same where cron is installed, unless the pool has the property
# org.debian:periodic-scrub (or -trim) = disable.

option "services.zfs.auto_scrub.enable" {
  type        = bool
  default     = false
  description = "Whether every block of the pools is read and checked once a month."
}

option "services.zfs.auto_scrub.interval" {
  type        = enum("weekly", "monthly")
  default     = "monthly"
  description = "How often."
}

option "services.zfs.auto_scrub.pools" {
  type        = set(string)
  default     = keys(config.zpool)
  description = "The pools; all that are declared unless said."
  example     = ["tank"]
}

option "services.zfs.trim.enable" {
  type        = bool
  default     = false
  description = "Whether disks are told once a week which blocks are free."
}

option "services.zfs.trim.pools" {
  type        = set(string)
  default     = keys(config.zpool)
  description = "The pools; all that are declared unless said."
  example     = ["tank"]
}

locals {
  timers = concat(
    config.services.zfs.auto_scrub.enable ? [for p in config.services.zfs.auto_scrub.pools : { kind = "scrub-${config.services.zfs.auto_scrub.interval}", pool = p }] : [],
    config.services.zfs.trim.enable ? [for p in config.services.zfs.trim.pools : { kind = "trim-weekly", pool = p }] : [],
  )
}

# An instance of a template unit is enabled by its link.
file {
  for_each = { for t in local.timers : "zfs-${t.kind}@${t.pool}.timer" => t }
  name     = "/etc/systemd/system/timers.target.wants/${each.key}"
  symlink  = "/usr/lib/systemd/system/zfs-${each.value.kind}@.timer"
}
