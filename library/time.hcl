# The time zone. The names are those of tzdata 2026f. tzdata-legacy of Debian 13
# has the old names that newer ones replaced; older releases have these in
# tzdata too.

option "time.time_zone" {
  type        = optional(string)
  description = "The time zone, by its name below /usr/share/zoneinfo."
  example     = "Europe/Berlin"

  validation {
    condition     = contains(local.zones, value)
    error_message = "There is no time zone ${value}.${can(regex("^(GMT|UTC)[+-]", value)) ? " Two hours east of Greenwich is Etc/GMT-2." : did_you_mean(value, local.zones)} Write a name such as Europe/Berlin or UTC; timedatectl list-timezones shows them all."
  }
}

locals {
  zones = split("\n", "${trimspace(file("./system/zones.txt"))}\n${trimspace(file("./system/zones_legacy.txt"))}")
}

config {
  when     = config.time.time_zone != null
  packages = ["tzdata"]

  file "/etc/localtime" {
    symlink = "/usr/share/zoneinfo/${config.time.time_zone}"
  }
}
