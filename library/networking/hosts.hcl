# /etc/hosts.

option "networking.hosts" {
  type        = map(list(host_name))
  default     = {}
  description = "Names in /etc/hosts, by address. localhost is there anyway, and the host's own name unless 127.0.1.1 is given. A switch refuses to take the file over while it has names that are not here."
  example     = { "192.0.2.10" = ["files.lan", "files"] }
  validation {
    condition     = alltrue([for address in keys(value) : can(regex(local.address, address))])
    error_message = "${join(", ", [for address in keys(value) : address if !can(regex(local.address, address))])} is no address: write \"192.0.2.10\" = [\"NAME\"]."
  }
}

locals {
  octet   = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  address = "^(${local.octet}[.]){3}${local.octet}$|^[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}(:[0-9.]+)?(%[A-Za-z0-9_.-]+)?$"
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
