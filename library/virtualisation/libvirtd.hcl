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

option "virtualisation.libvirtd.spice.enable" {
  type        = bool
  default     = false
  description = "Whether guests can have a screen over SPICE, with OpenGL."
}

option "virtualisation.libvirtd.network.*.xml" {
  type        = string
  description = "A network of guests, as libvirt's network XML has it; its <name> is the entry's. It is started, now and at boot."
  example     = "<network><name>lan</name><bridge name='virbr1'/></network>"
}

option "virtualisation.libvirtd.domain.*.xml" {
  type        = string
  description = "A guest, as libvirt's domain XML has it; its <name> is the entry's. It is defined, not started, and one of type kvm only where the machine has KVM."
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

locals {
  networks = config.virtualisation.libvirtd.enable ? config.virtualisation.libvirtd.network : {}
  domains  = config.virtualisation.libvirtd.enable ? config.virtualisation.libvirtd.domain : {}
  # Guests that need KVM, and those that do not.
  kvm   = [for name, d in local.domains : name if can(regex("<domain[^>]* type=['\"]kvm", d.xml))]
  plain = [for name, d in local.domains : name if !contains(local.kvm, name)]

  # virsh needs the name to start a network, and takes it from the XML to
  # define one: a differing name would start another one.
  misnamed = concat(
    [for name, n in local.networks : name if !strcontains(n.xml, "<name>${name}</name>")],
    [for name, d in local.domains : name if !strcontains(d.xml, "<name>${name}</name>")],
  )
}

assert "libvirt_names" {
  condition = length(local.misnamed) == 0
  message   = "The XML of ${join(", ", local.misnamed)} has another <name> than the entry."
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

# libvirt defines no guest that the machine cannot run: one whose firmware has
# virtualisation off, or that is a guest itself, waits until it has KVM.
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
