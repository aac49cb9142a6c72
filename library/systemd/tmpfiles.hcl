# Folders and files that are created, emptied or removed at boot.

option "systemd.tmpfiles.rules" {
  type        = list(string)
  default     = []
  description = "Lines of tmpfiles.d(5)."
  example     = ["d /srv/share 2770 root users -"]
}

config {
  when = length(config.systemd.tmpfiles.rules) > 0

  file "/etc/tmpfiles.d/hostctl.conf" {
    content = "${join("\n", config.systemd.tmpfiles.rules)}\n"
    check   = ["systemd-tmpfiles", "--create", "--dry-run", "{path}"]
  }

  unit "hostctl-tmpfiles.service" {
    enabled          = true
    restart_triggers = ["/etc/tmpfiles.d/hostctl.conf"]
    content          = <<-EOT
      [Unit]
      Description=Make the folders and files of hostctl.conf

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/usr/bin/systemd-tmpfiles --create /etc/tmpfiles.d/hostctl.conf

      [Install]
      WantedBy=multi-user.target
    EOT
  }
}
