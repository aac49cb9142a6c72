# Rules for udev(7).

option "services.udev.rules" {
  type        = map(lines)
  default     = {}
  description = "udev rules, by file name without .rules. A name such as 60-name sorts among Debian's own."
  example     = { "60-serial" = "SUBSYSTEM==\"tty\", GROUP=\"dialout\"" }
}

config {
  when     = length(config.services.udev.rules) > 0
  packages = ["udev"]

  file {
    for_each = config.services.udev.rules
    name     = "/etc/udev/rules.d/${each.key}.rules"
    content  = each.value
    check    = ["udevadm", "verify", "--no-style", "{path}"]
  }

  unit "hostctl-udev.service" {
    enabled          = true
    restart_triggers = [for name, rules in config.services.udev.rules : "/etc/udev/rules.d/${name}.rules"]
    content          = <<-EOT
      [Unit]
      Description=Take up changed rules of udev
      # As udev itself, which a container has not.
      ConditionPathIsReadWrite=/sys

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/usr/bin/udevadm control --reload
      ExecStart=/usr/bin/udevadm trigger --action=change

      [Install]
      WantedBy=multi-user.target
    EOT
  }
}
