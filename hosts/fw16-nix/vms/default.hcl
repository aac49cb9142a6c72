# Windows 11 in a virtual machine, and the network that it is on.
virtualisation {
  libvirtd {
    network "wired" { xml = file("./wired.xml") }
    domain "win11" { xml = substitute(file("./win11.xml"), { home = config.user[args.user].home }) }
  }
}

# Guests of the network ask the host for addresses and names.
networking {
  firewall {
    interface "virbr-wired" {
      allowed_tcp_ports = [53]
      allowed_udp_ports = [53, 67]
    }
  }
}
