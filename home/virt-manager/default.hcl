# The window onto the host's virtual machines, connected at its start.
programs {
  virt_manager { enable = true }
}

application "virt-manager" { function = "Virtualization" }

home {
  name     = args.user
  packages = ["adwaita-icon-theme", "virt-viewer"]

  dconf {
    settings = {
      "org/virt-manager/virt-manager/connections" = {
        autoconnect = ["qemu:///system"]
        uris        = ["qemu:///system"]
      }
    }
  }
}
