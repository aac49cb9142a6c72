# Power profiles: performance, balanced, power-saver.

option "services.power_profiles_daemon.enable" {
  type        = bool
  default     = false
  description = "Whether users can choose a power profile. Removes TLP and laptop-mode-tools, which do the same job."
}

config {
  when     = config.services.power_profiles_daemon.enable
  packages = ["power-profiles-daemon"]

  package "tlp" { absent = true }

  package "laptop-mode-tools" { absent = true }

  unit "power-profiles-daemon.service" { enabled = true }
}
