# The id by which ZFS tells which host a pool belongs to. The kernel module gets
# it as a parameter, in the initrd too, so /etc/hostid, which is four binary
# bytes, is not needed (zfs(4), spl_hostid).

option "networking.host_id" {
  type        = optional(string)
  description = "Eight hexadecimal digits, unique to this host. ZFS does not import a pool that another host used last."
  example     = "8425e349"

  validation {
    condition     = can(regex("^[0-9a-f]{8}$", value)) && value != "00000000"
    error_message = "A host id is eight lower-case hexadecimal digits, not all of them zero."
  }
}

file "/etc/modprobe.d/hostctl-hostid.conf" {
  when    = config.networking.host_id != null
  content = "options spl spl_hostid=0x${config.networking.host_id}\n"
}
