# A root that forgets: each boot restores the state of the booted generation,
# and only what persistence names survives.

option "boot.rollback_root" {
  type        = bool
  default     = false
  description = "Whether each boot resets the root file system to the state of the booted generation. To keep something, name it in persistence or put it on another file system."
}

assert "rollback_has_persistence" {
  when      = config.boot.rollback_root
  condition = length(config.persistence) > 0
  message   = "boot.rollback_root resets the root file system at each boot, and no persistence block names what to keep: the machine's id, its SSH host keys and the state of every service would be new each time. Add a persistence block."
}
