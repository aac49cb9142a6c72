# Kernel settings that every host shares.
sysctl = {
  "kernel.sysrq" = 0

  # No address that the routing table would not answer to, no route that
  # somebody else proposes.
  "net.ipv4.conf.all.rp_filter"                = 1
  "net.ipv4.conf.default.rp_filter"            = 1
  "net.ipv4.conf.all.accept_source_route"      = 0
  "net.ipv6.conf.all.accept_source_route"      = 0
  "net.ipv4.conf.all.send_redirects"           = 0
  "net.ipv4.conf.default.send_redirects"       = 0
  "net.ipv4.conf.all.accept_redirects"         = 0
  "net.ipv4.conf.default.accept_redirects"     = 0
  "net.ipv6.conf.all.accept_redirects"         = 0
  "net.ipv6.conf.default.accept_redirects"     = 0
  "net.ipv4.conf.all.secure_redirects"         = 0
  "net.ipv4.conf.default.secure_redirects"     = 0
  "net.ipv4.icmp_ignore_bogus_error_responses" = 1

  "net.ipv4.tcp_syncookies" = 1
  "net.ipv4.tcp_rfc1337"    = 1

  "net.ipv4.tcp_fastopen"           = 3
  "net.ipv4.tcp_congestion_control" = "bbr"
  "net.core.default_qdisc"          = "cake"
}

kernel_module = ["sch_cake", "tcp_bbr"]

boot {
  tmp { use_tmpfs = default(true) }
  loader {
    # Whoever edits the command line at the keyboard is root.
    systemd_boot { editor = false }
  }
}

security { protect_kernel_image = true }

hardware {
  bluetooth {
    enable        = default(false)
    power_on_boot = false
  }
  sane { open_firewall = false }
}
