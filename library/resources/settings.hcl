option "hostctl.package_mode" {
  type        = enum("additive", "strict")
  default     = "additive"
  description = "Whether packages that the configuration does not name stay (additive) or are removed (strict)."
}

option "hostctl.path" {
  type        = path
  default     = "/usr/local/bin/hostctl"
  description = "The path of the hostctl binary on the host. hostctl's boot units run it."
}

option "hostctl.health_wait" {
  type        = number
  default     = 60
  description = "How many seconds a unit may take to become active after a switch. For a oneshot that it starts, the switch waits until the unit is done. If that takes longer, the switch goes on with a warning, and the unit keeps running."
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is not a whole number of 0 or more."
  }
}

option "hostctl.health_units" {
  type        = set(unit_name)
  default     = []
  description = "Units that must be active after a switch, in addition to the enabled ones."
}
