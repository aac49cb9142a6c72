# The time zone. The names are those of tzdata 2026f; what Debian 13 keeps apart
# in tzdata-legacy was given up for other names, and older releases have it in
# tzdata.

option "time.time_zone" {
  type        = optional(string)
  description = "The time zone, as it is called below /usr/share/zoneinfo."
  example     = "Europe/Berlin"

  validation {
    condition     = contains(local.zones, value)
    error_message = "There is no time zone ${value}.${can(regex("^(GMT|UTC)[+-]", value)) ? " Two hours east of Greenwich is Etc/GMT-2." : did_you_mean(value, local.zones)} A time zone is a name such as Europe/Berlin or UTC; timedatectl list-timezones shows all of them."
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
