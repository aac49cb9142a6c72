# Automatic upgrades: the host follows what the repository says.

option "system.auto_upgrade.enable" {
  type        = bool
  default     = false
  description = "Whether the host fetches its configuration and switches to it by itself. What a switch needs, such as the age key, must be on the host."
}

option "system.auto_upgrade.flake" {
  type        = optional(path)
  description = "The clone of the repository on the host. It needs an upstream branch that git can pull without asking anything."
  example     = "/etc/hostctl"
}

option "system.auto_upgrade.dates" {
  type        = string
  default     = "*-*-* 04:40:00"
  description = "When to upgrade, as an OnCalendar= expression (systemd.time(7))."
  example     = "Sun 03:00"
}

option "system.auto_upgrade.allow_reboot" {
  type        = bool
  default     = false
  description = "Whether the host reboots if an upgrade asks for it (/run/reboot-required)."
}

assert "auto_upgrade_source" {
  condition = !config.system.auto_upgrade.enable || config.system.auto_upgrade.flake != null
  message   = "system.auto_upgrade has nothing to upgrade to: set system.auto_upgrade.flake to the clone of the repository on the host."
}

config {
  when     = config.system.auto_upgrade.enable && config.system.auto_upgrade.flake != null
  packages = ["git"]

  unit "hostctl-upgrade.service" {
    # The upgrade must not stop itself by a restart of its own unit.
    restart_if_changed = false
    content            = <<-EOT
      [Unit]
      Description=Switch to what the configuration repository says
      Wants=network-online.target
      After=network-online.target

      [Service]
      Type=oneshot
      ExecStart=/usr/bin/git -C ${config.system.auto_upgrade.flake} pull --ff-only --quiet
      ExecStart=${config.hostctl.path} switch --flake ${config.system.auto_upgrade.flake} --host ${host.name} --yes
      ${config.system.auto_upgrade.allow_reboot ? "ExecStartPost=/bin/sh -c 'test ! -e /run/reboot-required || systemctl reboot'" : ""}
    EOT
  }

  unit "hostctl-upgrade.timer" {
    enabled = true
    content = <<-EOT
      [Unit]
      Description=When to look for a new configuration

      [Timer]
      OnCalendar=${config.system.auto_upgrade.dates}
      RandomizedDelaySec=30min
      Persistent=true

      [Install]
      WantedBy=timers.target
    EOT
  }
}
