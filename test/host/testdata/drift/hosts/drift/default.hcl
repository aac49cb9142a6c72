packages = ["tiny", "dt-base", "dt-config", "dt-shape"]

group "tiny" {}

user "ann" {
  group  = "tiny"
  groups = ["audio"]
  home   = "/home/ann"
  shell  = "/bin/bash"
}

file "/etc/motd" {
  content = "This is generation one.\n"
}

file "/etc/tiny/tiny.conf" {
  content = "greeting = hello\n"
  mode    = "0640"
  group   = "tiny"
}

file "/etc/tiny/removed" {
  content = "here\n"
}

file "/etc/tiny/owned" {
  content = "root's\n"
}

file "/etc/tiny/plain" {
  content = "no attributes\n"
}

file "/etc/tiny/link" {
  symlink = "/etc/tiny/plain"
}

file "/home/ann/.ssh/authorized_keys" {
  content = "ssh-ed25519 AAAA ann\n"
  owner   = "ann"
  group   = "tiny"
  mode    = "0600"
}

file "/etc/cron.d/tiny" {
  content = "0 3 * * * root true\n"
}

sysctl = { "net.ipv4.ip_forward" = 1 }

unit "tiny-web.service" {
  content = <<-EOT
    [Service]
    ExecStart=/usr/bin/tiny-web /etc/tiny/tiny.conf

    [Install]
    WantedBy=multi-user.target
  EOT
  enabled = true
}

unit "tiny-tick.service" {
  content = <<-EOT
    [Service]
    Type=oneshot
    ExecStart=/bin/true
  EOT
}

unit "tiny-tick.timer" {
  content = <<-EOT
    [Timer]
    OnCalendar=daily

    [Install]
    WantedBy=timers.target
  EOT
  enabled = true
}

unit "hibernate.target" {
  masked = true
}

unit "systemd-journald.service" {
  drop_in = {
    "10-tiny.conf" = "[Service]\nNice=1\n"
  }
}
