# The clock, kept by ntpsec. Debian's time daemons conflict with each other.

option "services.ntp.enable" {
  type        = bool
  default     = false
  description = "Whether ntpsec keeps the clock, instead of systemd-timesyncd."
}

config {
  when     = config.services.ntp.enable
  packages = ["ntpsec"]

  package "systemd-timesyncd" { absent = true }

  unit "ntpsec.service" { enabled = true }
}
