# Upkeep of ZFS pools, by the timers of zfsutils-linux. Its cron job does the
# same if cron is installed, unless the pool has the property
# org.debian:periodic-scrub (or -trim) = disable.

option "services.zfs.auto_scrub.enable" {
  type        = bool
  default     = false
  description = "Whether to scrub the pools regularly: ZFS reads and checks every block."
}

option "services.zfs.auto_scrub.interval" {
  type        = enum("weekly", "monthly")
  default     = "monthly"
  description = "How often to scrub."
}

option "services.zfs.auto_scrub.pools" {
  type        = set(string)
  default     = keys(config.zpool)
  description = "The pools. Defaults to all declared ones."
  example     = ["tank"]
}

option "services.zfs.trim.enable" {
  type        = bool
  default     = false
  description = "Whether to trim the pools weekly: ZFS tells disks which blocks are free."
}

option "services.zfs.trim.pools" {
  type        = set(string)
  default     = keys(config.zpool)
  description = "The pools. Defaults to all declared ones."
  example     = ["tank"]
}

locals {
  timers = concat(
    config.services.zfs.auto_scrub.enable ? [for p in config.services.zfs.auto_scrub.pools : { kind = "scrub-${config.services.zfs.auto_scrub.interval}", pool = p }] : [],
    config.services.zfs.trim.enable ? [for p in config.services.zfs.trim.pools : { kind = "trim-weekly", pool = p }] : [],
  )
}

# The link enables an instance of a template unit.
file {
  for_each = { for t in local.timers : "zfs-${t.kind}@${t.pool}.timer" => t }
  name     = "/etc/systemd/system/timers.target.wants/${each.key}"
  symlink  = "/usr/lib/systemd/system/zfs-${each.value.kind}@.timer"
}
