# A root that forgets: at each boot it is again what the booted generation
# made it, and only what persistence names has survived.

option "boot.rollback_root" {
  type        = bool
  default     = false
  description = "Whether the root file system returns to the state of the booted generation at each boot. What shall stay is named by persistence, or lies on a file system of its own."
}

assert "rollback_has_persistence" {
  when      = config.boot.rollback_root
  condition = length(config.persistence) > 0
  message   = "boot.rollback_root makes the root forget everything at each boot, and no persistence says what stays: the machine's id, its SSH host keys and the state of every service would be new each time. Add a persistence block."
}
