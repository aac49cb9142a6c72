# The kernel: which one, its modules' options, its command line.

option "boot.kernel_packages" {
  type        = set(package_name)
  default     = []
  description = "The packages of the kernel and its headers. Empty leaves the kernel to the machine."
  example     = ["linux-image-amd64", "linux-headers-amd64"]
}

option "boot.kernel_params" {
  type        = list(string)
  default     = []
  description = "Parameters of the kernel's command line, in force from the next boot on: a switch writes them to GRUB's menu, or to the entries of systemd-boot, which need boot.root."
  example     = ["nohibernate"]
}

option "boot.root" {
  type = optional(string)
  default = try(flatten([for name, pool in config.zpool : [
    for set, d in pool.dataset : "ZFS=${name}/${set}" if d.mount == "/"
  ]])[0], null)
  description = "root= of the command line that systemd-boot's entries have; the dataset on / unless said."
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

# The last of the folder: files of others there set what this one adds to.
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
  message   = "boot.kernel_params reach no boot: with systemd-boot they are part of a command line that also says which file system is the root, and boot.root does not say it. Take it from /proc/cmdline: boot { root = \"UUID=…\" }."
}

file "/etc/modprobe.d/hostctl.conf" {
  when    = config.boot.extra_modprobe_config != null
  content = config.boot.extra_modprobe_config
}
