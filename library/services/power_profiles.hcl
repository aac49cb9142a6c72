# Power profiles: performance, balanced, power-saver.

option "services.power_profiles_daemon.enable" {
  type        = bool
  default     = false
  description = "Whether users can choose a power profile. TLP and laptop-mode-tools do the same differently, and are removed."
}

config {
  when     = config.services.power_profiles_daemon.enable
  packages = ["power-profiles-daemon"]

  package "tlp" { absent = true }

  package "laptop-mode-tools" { absent = true }

  unit "power-profiles-daemon.service" { enabled = true }
}
