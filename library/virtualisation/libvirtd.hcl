# libvirt with QEMU. Debian 13 still ships the monolithic daemon.

option "virtualisation.libvirtd.enable" {
  type        = bool
  default     = false
  description = "Whether to run libvirt, with QEMU for x86. Members of the group libvirt may use it."
}

option "virtualisation.libvirtd.on_boot" {
  type        = enum("start", "ignore")
  default     = "ignore"
  description = "Whether to start the guests again that were running when the host went down."
}

option "virtualisation.libvirtd.swtpm.enable" {
  type        = bool
  default     = false
  description = "Whether guests can have a software TPM."
}

option "virtualisation.libvirtd.spice.enable" {
  type        = bool
  default     = false
  description = "Whether guests can have a SPICE display, with OpenGL."
}

option "virtualisation.libvirtd.network.*.xml" {
  type        = string
  description = "A network for guests, as libvirt network XML. Its <name> must be the entry's. libvirt starts it, by a switch and at boot."
  example     = "<network><name>lan</name><bridge name='virbr1'/></network>"
}

option "virtualisation.libvirtd.domain.*.xml" {
  type        = string
  description = "A guest, as libvirt domain XML. Its <name> must be the entry's. hostctl defines it and does not start it. A guest of type kvm is defined only if the machine has KVM."
  example     = "<domain type='kvm'><name>test</name><memory unit='GiB'>2</memory></domain>"
}

config {
  when = config.virtualisation.libvirtd.enable
  packages = concat(
    ["libvirt-daemon-system", "libvirt-clients", "dnsmasq-base", "qemu-system-x86", "qemu-utils", "ovmf"],
    config.virtualisation.libvirtd.swtpm.enable ? ["swtpm", "swtpm-tools"] : [],
    config.virtualisation.libvirtd.spice.enable ? ["qemu-system-modules-opengl", "qemu-system-modules-spice"] : [],
  )

  file "/etc/default/libvirt-guests" {
    content = keyvalue({ ON_BOOT = config.virtualisation.libvirtd.on_boot }, { separator = "=" })
  }

  unit "libvirtd.service" {
    enabled           = true
    reload_if_changed = true # a restart would cut off the guests' consoles
  }

  unit "libvirt-guests.service" {
    enabled            = true
    restart_if_changed = false # its stop suspends every guest
  }

  # Guests in libvirt's default network ask the host for addresses and names.
  networking {
    firewall {
      interface "virbr0" {
        allowed_tcp_ports = [53]
        allowed_udp_ports = [53, 67]
      }
    }
  }
}

locals {
  networks = config.virtualisation.libvirtd.enable ? config.virtualisation.libvirtd.network : {}
  domains  = config.virtualisation.libvirtd.enable ? config.virtualisation.libvirtd.domain : {}
  # Guests that need KVM, and those that do not.
  kvm   = [for name, d in local.domains : name if can(regex("<domain[^>]* type=['\"]kvm", d.xml))]
  plain = [for name, d in local.domains : name if !contains(local.kvm, name)]

  # virsh takes the name from the XML to define a network, and needs it as an
  # argument to start one: if they differ, it would start another one.
  misnamed = concat(
    [for name, n in local.networks : name if !strcontains(n.xml, "<name>${name}</name>")],
    [for name, d in local.domains : name if !strcontains(d.xml, "<name>${name}</name>")],
  )
}

assert "libvirt_names" {
  condition = length(local.misnamed) == 0
  message   = "The <name> in the XML of ${join(", ", local.misnamed)} is not the entry's name."
}

file {
  for_each = local.networks
  name     = "/etc/hostctl/libvirt/network-${each.key}.xml"
  content  = each.value.xml
  check    = ["virt-xml-validate", "{path}", "network"]
}

file {
  for_each = local.domains
  name     = "/etc/hostctl/libvirt/domain-${each.key}.xml"
  content  = each.value.xml
  check    = ["virt-xml-validate", "{path}", "domain"]
}

package "libxml2-utils" {
  when = length(local.networks) + length(local.domains) > 0 # virt-xml-validate calls xmllint
}

unit "hostctl-libvirt.service" {
  when    = length(local.networks) + length(local.plain) > 0
  enabled = true
  restart_triggers = concat(
    [for name, n in local.networks : "/etc/hostctl/libvirt/network-${name}.xml"],
    [for name in local.plain : "/etc/hostctl/libvirt/domain-${name}.xml"],
  )
  content = <<-EOT
    [Unit]
    Description=Define the declared networks and guests of libvirt
    After=libvirtd.service
    Requires=libvirtd.service

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ${join("\n", concat(
  flatten([for name, n in local.networks : [
    "ExecStart=/usr/bin/virsh net-define /etc/hostctl/libvirt/network-${name}.xml",
    "ExecStart=/usr/bin/virsh net-autostart ${name}",
    "ExecStart=-/usr/bin/virsh net-start ${name}",
  ]]),
  [for name in local.plain : "ExecStart=/usr/bin/virsh define /etc/hostctl/libvirt/domain-${name}.xml"],
))}

    [Install]
    WantedBy=multi-user.target
  EOT
}

# libvirt does not define a guest that the machine cannot run. Where virtualisation
# is off in the firmware, or the machine is a guest itself, this waits for KVM.
unit "hostctl-libvirt-kvm.service" {
  when             = length(local.kvm) > 0
  enabled          = true
  restart_triggers = [for name in local.kvm : "/etc/hostctl/libvirt/domain-${name}.xml"]
  content          = <<-EOT
    [Unit]
    Description=Define the declared guests of libvirt that need KVM
    ConditionPathExists=/dev/kvm
    After=libvirtd.service hostctl-libvirt.service
    Requires=libvirtd.service

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ${join("\n", [for name in local.kvm : "ExecStart=/usr/bin/virsh define /etc/hostctl/libvirt/domain-${name}.xml"])}

    [Install]
    WantedBy=multi-user.target
  EOT
}
