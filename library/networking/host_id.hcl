# The id by which ZFS tells whose pool it is. The module of the kernel is told
# it, in the initrd as well; /etc/hostid, which holds four bytes that are no
# text, is not needed then (zfs(4), spl_hostid).

option "networking.host_id" {
  type        = optional(string)
  description = "Eight hexadecimal digits that no other host has: ZFS does not import a pool that another host used last."
  example     = "8425e349"

  validation {
    condition     = can(regex("^[0-9a-f]{8}$", value)) && value != "00000000"
    error_message = "A host id is eight hexadecimal digits, not all of them zero."
  }
}

file "/etc/modprobe.d/hostctl-hostid.conf" {
  when    = config.networking.host_id != null
  content = "options spl spl_hostid=0x${config.networking.host_id}\n"
}
