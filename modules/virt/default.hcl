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
    spice { enable = host.template == "standard" }
  }
  spice_usb_redirection { enable = host.template == "standard" }
}

# virtinst is the command line; the windows are for machines with a screen.
environment {
  packages = concat(["virtinst"], host.template == "standard" ? [
    "adwaita-icon-theme", "libspice-protocol-dev", "libspice-server1", "spice-client-gtk", "virt-viewer",
  ] : [])
}

user {
  name   = args.user
  groups = ["libvirt", "kvm"]
}

application "KVM" { function = "Virtualization" }
application "QEMU" { function = "Virtualization" }
