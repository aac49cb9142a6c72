# The name of the host, in /etc/hostname and in the running kernel.
# Debian resolves it to 127.0.1.1 (Debian reference, 5.1.1).

option "networking.host_name" {
  type        = optional(string)
  description = "The host's name, without a domain (hostname(7))."
  example     = "web1"

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", value))
    error_message = "A host name consists of letters, digits and hyphens, at most 63 of them.${can(regex("^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", replace(value, "_", "-"))) ? " Did you mean ${jsonencode(replace(value, "_", "-"))}?" : ""}"
  }
}

config {
  when     = config.networking.host_name != null
  packages = ["hostname"]

  file "/etc/hostname" {
    content = "${config.networking.host_name}\n"
  }

  networking {
    hosts = { "127.0.1.1" = default([config.networking.host_name]) }
  }

  # systemd reads /etc/hostname at boot only.
  unit "hostctl-hostname.service" {
    enabled          = true
    restart_triggers = ["/etc/hostname"]
    content          = <<-EOT
      [Unit]
      Description=Set the host name

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/usr/bin/hostname --file /etc/hostname

      [Install]
      WantedBy=multi-user.target
    EOT
  }
}
