# dconf, where GTK programs keep their settings. The system database has default
# values that a user may change. Each login loads the settings of a home into the
# user's own database.

option "programs.dconf.settings" {
  type        = map(map(any))
  default     = {}
  description = "Values in the system database, by path: strings, bools, signed 32-bit integers, and lists."
  example     = { "org/gnome/desktop/interface" = { color-scheme = "prefer-dark" } }
}

option "home.*.dconf.settings" {
  type        = map(map(any))
  default     = {}
  description = "Values to set at each login of the user, by path. They can be what programs.dconf.settings can be."
  example     = { "org/virt-manager/virt-manager/connections" = { uris = ["qemu:///system"] } }
}

locals {
  # The text form of GVariant takes strings, bools, numbers and lists as JSON writes them.
  system = { for path, keys in config.programs.dconf.settings : path => { for k, v in keys : k => jsonencode(v) } }
  users = { for user, h in config.home : user => { for path, keys in h.dconf.settings : path => { for k, v in keys : k => jsonencode(v) } }
  if length(h.dconf.settings) > 0 }
}

config {
  when     = length(local.system) > 0 || length(local.users) > 0
  packages = ["dconf-cli", "dconf-gsettings-backend"]
}

config {
  when = length(local.system) > 0
  file "/etc/dconf/profile/user" { content = "user-db:user\nsystem-db:local\n" }
  file "/etc/dconf/db/local.d/50-hostctl" { content = ini(local.system) }
  unit "hostctl-dconf.service" {
    enabled          = true
    restart_triggers = ["/etc/dconf/db/local.d/50-hostctl"]
    content          = <<-EOT
      [Unit]
      Description=Compile the system's dconf database

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/usr/bin/dconf update

      [Install]
      WantedBy=multi-user.target
    EOT
  }
}

file {
  for_each = { for user, settings in local.users : "${config.user[user].home}/.config/hostctl/dconf.ini" => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content  = ini(local.users[each.value])
}

config {
  when = length(local.users) > 0
  file "/etc/systemd/user/hostctl-dconf.service" {
    content = <<-EOT
      [Unit]
      Description=Load the settings that the configuration gives to dconf
      ConditionPathExists=%E/hostctl/dconf.ini
      After=dbus.socket

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/bin/sh -c 'exec dconf load / <"$$1"' sh %E/hostctl/dconf.ini

      [Install]
      WantedBy=default.target
    EOT
  }
  file "/etc/systemd/user/default.target.wants/hostctl-dconf.service" { symlink = "/etc/systemd/user/hostctl-dconf.service" }
}
