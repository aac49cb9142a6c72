# Containers and virtual machines.
virtualisation {
  docker {
    enable = true
    # A registry of the local network that speaks no TLS.
    settings = { "insecure-registries" = ["registry.lan:5000"] }
  }
  libvirtd {
    enable  = true
    on_boot = "start"
    swtpm { enable = true }
  }
}

environment { packages = ["virtinst"] }

user {
  name   = args.user
  groups = ["libvirt", "kvm"]
}
