package "tiny" {}

group "tiny" {}

user "ann" {
  group = "tiny"
  home  = "/home/ann"
  shell = "/bin/bash"
}

file "/etc/tiny/tiny.conf" {
  content = "greeting = hello\n"
  mode    = "0640"
  group   = "tiny"
}

file "/etc/motd" {
  content = "This is generation one.\n"
}

unit "tiny-web.service" {
  content          = <<-EOT
    [Unit]
    Description=Greets

    [Service]
    ExecStart=/usr/bin/tiny-web /etc/tiny/tiny.conf

    [Install]
    WantedBy=multi-user.target
  EOT
  enabled          = true
  restart_triggers = ["/etc/tiny/tiny.conf"]
}
