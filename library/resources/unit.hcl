option "unit.*.content" {
  type        = optional(string)
  description = "The text of the whole unit, which hostctl writes to /etc/systemd/system."
}

option "unit.*.drop_in" {
  type        = map(lines)
  default     = {}
  description = "Drop-ins of the unit: file names such as 10-limits.conf, with their text. A switch refuses drop-ins for a unit that nothing installs."
}

option "unit.*.enabled" {
  type        = optional(bool)
  description = "Whether the unit starts at boot and runs after a switch."
}

option "unit.*.masked" {
  type        = optional(bool)
  description = "Whether the unit is masked, so that nothing can start it."
}

option "unit.*.restart_triggers" {
  type        = set(string)
  default     = []
  description = "Paths, units and packages. A change of one of them restarts the unit."
}

option "unit.*.reload_triggers" {
  type        = set(string)
  default     = []
  description = "Paths, units and packages. A change of one of them reloads the unit."
}

option "unit.*.restart_if_changed" {
  type        = optional(bool)
  description = "Whether a change of the unit itself restarts it. Defaults to true."
}

option "unit.*.reload_if_changed" {
  type        = bool
  default     = false
  description = "Whether to reload the unit where it would otherwise restart."
}
