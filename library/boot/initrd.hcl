# The initial RAM disk. dracut and initramfs-tools exclude one another, so
# which one makes it is a choice of packages. A switch that changes what is
# declared here makes the initrds anew.

option "boot.initrd.systemd.enable" {
  type        = optional(bool)
  description = "Whether systemd runs in the initrd: true is dracut, false initramfs-tools. Changing it replaces the generator."
}

option "boot.initrd.available_kernel_modules" {
  type        = set(string)
  default     = []
  description = "Modules that are in the initrd, for disks and keyboards that it may meet."
  example     = ["nvme", "usbhid"]
}

option "boot.initrd.kernel_modules" {
  type        = set(string)
  default     = []
  description = "Modules that the initrd loads in any case."
  example     = ["amdgpu"]
}

locals {
  available = config.boot.initrd.available_kernel_modules
  forced    = config.boot.initrd.kernel_modules
  dracut    = config.boot.initrd.systemd.enable == true
}

assert "initrd_maker" {
  condition = config.boot.initrd.systemd.enable != null || length(local.available) + length(local.forced) == 0
  message   = "boot.initrd names kernel modules, and each maker of initrds reads them from a file of its own. Say which one the machine has: boot { initrd { systemd { enable = true } } } is dracut, false is initramfs-tools, Debian's default."
}

package {
  for_each = config.boot.initrd.systemd.enable == null ? {} : { dracut = local.dracut, initramfs-tools = !local.dracut }
  name     = each.key
  absent   = !each.value
}

file "/etc/dracut.conf.d/50-hostctl.conf" {
  when = local.dracut && length(local.available) + length(local.forced) > 0
  content = join("", [
    for setting, modules in { add_drivers = local.available, force_drivers = local.forced } :
    "${setting}+=\" ${join(" ", modules)} \"\n" if length(modules) > 0
  ])
}

# initramfs-tools loads everything that it is told to have.
file "/etc/initramfs-tools/modules" {
  when    = config.boot.initrd.systemd.enable == false && length(local.available) + length(local.forced) > 0
  content = "${join("\n", sort(distinct(concat(local.available, local.forced))))}\n"
}
