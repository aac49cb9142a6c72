option "unit.*.content" {
  type        = optional(string)
  description = "The whole unit, written to /etc/systemd/system."
}

option "unit.*.drop_in" {
  type        = map(lines)
  default     = {}
  description = "Additions to the unit: a file name such as 10-limits.conf to its text. A switch refuses them for a unit that nothing brings."
}

option "unit.*.enabled" {
  type        = optional(bool)
  description = "Whether the unit starts at boot and runs after a switch."
}

option "unit.*.masked" {
  type        = optional(bool)
  description = "Whether the unit cannot be started at all."
}

option "unit.*.restart_triggers" {
  type        = set(string)
  default     = []
  description = "Paths, units and packages whose change restarts the unit."
}

option "unit.*.reload_triggers" {
  type        = set(string)
  default     = []
  description = "Paths, units and packages whose change reloads the unit."
}

option "unit.*.restart_if_changed" {
  type        = optional(bool)
  description = "Whether a change of the unit itself restarts it; true unless said."
}

option "unit.*.reload_if_changed" {
  type        = bool
  default     = false
  description = "Reload the unit where a restart would be due."
}
