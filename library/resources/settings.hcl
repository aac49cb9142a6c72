option "hostctl.package_mode" {
  type        = enum("additive", "strict")
  default     = "additive"
  description = "Whether packages that the configuration does not name stay (additive) or go (strict)."
}

option "hostctl.path" {
  type        = path
  default     = "/usr/local/bin/hostctl"
  description = "Where the hostctl binary is on the host; its boot units run it."
}

option "hostctl.health_wait" {
  type        = number
  default     = 60
  description = "Seconds that a unit may take to become active after a switch. A oneshot that the switch starts is waited for until it is done; one that takes longer is left to itself, with a warning."
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is no whole number from 0."
  }
}

option "hostctl.health_units" {
  type        = set(unit_name)
  default     = []
  description = "Units that must be active after a switch, beside those that are enabled."
}
