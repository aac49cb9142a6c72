# The time zone.

option "time.time_zone" {
  type        = optional(string)
  description = "The time zone, as it is called below /usr/share/zoneinfo."
  example     = "Europe/Berlin"

  validation {
    condition     = can(regex("^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", value))
    error_message = "A time zone is a name such as Europe/Berlin or UTC."
  }
}

config {
  when     = config.time.time_zone != null
  packages = ["tzdata"]

  file "/etc/localtime" {
    symlink = "/usr/share/zoneinfo/${config.time.time_zone}"
  }
}
