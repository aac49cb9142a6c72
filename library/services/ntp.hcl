# The clock, kept by ntpsec. Debian's time daemons exclude one another.

option "services.ntp.enable" {
  type        = bool
  default     = false
  description = "Whether ntpsec keeps the clock, in the place of systemd-timesyncd."
}

config {
  when     = config.services.ntp.enable
  packages = ["ntpsec"]

  package "systemd-timesyncd" { absent = true }

  unit "ntpsec.service" { enabled = true }
}
