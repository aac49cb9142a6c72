# The kernel: which one, its modules' options, its command line.

option "boot.kernel_packages" {
  type        = set(package_name)
  default     = []
  description = "Packages of the kernel and its headers. If empty, the machine keeps its own kernel."
  example     = ["linux-image-amd64", "linux-headers-amd64"]
}

option "boot.kernel_params" {
  type        = list(string)
  default     = []
  description = "Kernel command line parameters. They take effect at the next boot: a switch writes them to GRUB's menu, or to the entries of systemd-boot, which need boot.root."
  example     = ["nohibernate"]
}

option "boot.root" {
  type = optional(string)
  default = try(flatten([for name, pool in config.zpool : [
    for set, d in pool.dataset : "ZFS=${name}/${set}" if d.mount == "/"
  ]])[0], null)
  description = "The root= parameter of systemd-boot's entries. Defaults to the ZFS dataset mounted at /."
  example     = "UUID=0a3407de-014b-458b-b5c1-848e92a327a3"
}

option "boot.extra_modprobe_config" {
  type        = optional(lines)
  description = "Lines of modprobe.d(5)."
  example     = "options cfg80211 ieee80211_regdom=US"
}

package {
  for_each = config.boot.kernel_packages
}

# Sorts last in the folder: it adds to what the other files there set.
file "/etc/default/grub.d/zz-hostctl.cfg" {
  when    = length(config.boot.kernel_params) > 0 && !config.boot.loader.systemd_boot.enable
  content = "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX ${join(" ", distinct(config.boot.kernel_params))}\"\n"
}

file "/etc/kernel/cmdline" {
  when    = config.boot.loader.systemd_boot.enable && config.boot.root != null
  content = "root=${config.boot.root} ${join(" ", distinct(concat(["ro"], config.boot.kernel_params)))}\n"
}

warn "kernel_params_unread" {
  when      = config.boot.loader.systemd_boot.enable && length(config.boot.kernel_params) > 0
  condition = config.boot.root != null
  message   = "boot.kernel_params have no effect: with systemd-boot they are part of a command line that also names the root file system, and boot.root is not set. Take it from /proc/cmdline: boot { root = \"UUID=…\" }."
}

file "/etc/modprobe.d/hostctl.conf" {
  when    = config.boot.extra_modprobe_config != null
  content = config.boot.extra_modprobe_config
}
