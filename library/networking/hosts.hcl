# /etc/hosts.

option "networking.hosts" {
  type        = map(list(host_name))
  default     = {}
  description = "Names in /etc/hosts, by address. localhost is always added, and so is the host's own name unless 127.0.1.1 is given. A switch refuses to take over the file while it contains names that are not declared here."
  example     = { "192.0.2.10" = ["files.lan", "files"] }
  validation {
    condition     = alltrue([for address in keys(value) : can(regex(local.address, address))])
    error_message = "${join(", ", [for address in keys(value) : jsonencode(address) if !can(regex(local.address, address))])} is not an IP address: write \"192.0.2.10\" = [\"NAME\"]."
  }
  validation {
    condition     = alltrue([for names in values(value) : length(names) > 0])
    error_message = "${join(", ", [for address, names in value : address if length(names) == 0])} has no name."
  }
}

locals {
  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  ipv4  = "(${local.octet}[.]){3}${local.octet}"
  hex   = "[0-9A-Fa-f]{1,4}"

  # All of RFC 4291, 2.2.
  ipv6 = join("|", concat(
    ["(${local.hex}:){7}${local.hex}", "(${local.hex}:){1,7}:", ":(:${local.hex}){1,7}", "::"],
    [for n in range(1, 7) : "(${local.hex}:){1,${n}}(:${local.hex}){1,${7 - n}}"],
    ["::(${local.hex}:){0,5}${local.ipv4}", "(${local.hex}:){6}${local.ipv4}", "(${local.hex}:){1,5}:${local.ipv4}"],
  ))
  address = "^(${local.ipv4}|(${local.ipv6})(%[A-Za-z0-9_.-]+)?)$"
}

file "/etc/hosts" {
  when    = length(config.networking.hosts) > 0
  content = <<-EOT
    127.0.0.1 localhost
    ::1 localhost ip6-localhost ip6-loopback
    ff02::1 ip6-allnodes
    ff02::2 ip6-allrouters
    ${join("\n", [for address, names in config.networking.hosts : "${address} ${join(" ", names)}"])}
  EOT
}
