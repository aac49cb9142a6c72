# libvirt with QEMU. Debian 13 still ships the monolithic daemon.

option "virtualisation.libvirtd.enable" {
  type        = bool
  default     = false
  description = "Whether libvirt runs, with QEMU for this machine's processor. Who is in the group libvirt may use it."
}

option "virtualisation.libvirtd.on_boot" {
  type        = enum("start", "ignore")
  default     = "ignore"
  description = "Whether guests that ran when the host went down are started again."
}

option "virtualisation.libvirtd.swtpm.enable" {
  type        = bool
  default     = false
  description = "Whether guests can have a TPM in software."
}

config {
  when = config.virtualisation.libvirtd.enable
  packages = concat(
    ["libvirt-daemon-system", "libvirt-clients", "dnsmasq-base", "qemu-system-x86", "qemu-utils", "ovmf"],
    config.virtualisation.libvirtd.swtpm.enable ? ["swtpm", "swtpm-tools"] : [],
  )

  file "/etc/default/libvirt-guests" {
    content = keyvalue({ ON_BOOT = config.virtualisation.libvirtd.on_boot }, { separator = "=" })
  }

  unit "libvirtd.service" {
    enabled           = true
    reload_if_changed = true # a restart would cut off the guests' consoles
  }

  unit "libvirt-guests.service" { enabled = true }

  # Guests of libvirt's own network ask the host for addresses and names.
  networking {
    firewall {
      interface "virbr0" {
        allowed_tcp_ports = [53]
        allowed_udp_ports = [53, 67]
      }
    }
  }
}
