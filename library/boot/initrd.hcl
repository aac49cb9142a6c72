# The initial RAM disk. dracut and initramfs-tools conflict with each other, so
# the choice of the generator is a choice of packages. A switch that changes
# anything declared here rebuilds the initrds.

option "boot.initrd.systemd.enable" {
  type        = optional(bool)
  description = "Whether systemd runs in the initrd: true means dracut, false means initramfs-tools. A change replaces the generator."
}

option "boot.initrd.available_kernel_modules" {
  type        = set(string)
  default     = []
  description = "Kernel modules to include in the initrd, for disks and keyboards that may be present."
  example     = ["nvme", "usbhid"]
}

option "boot.initrd.kernel_modules" {
  type        = set(string)
  default     = []
  description = "Kernel modules that the initrd always loads."
  example     = ["amdgpu"]
}

locals {
  available = config.boot.initrd.available_kernel_modules
  forced    = config.boot.initrd.kernel_modules
  dracut    = config.boot.initrd.systemd.enable == true
}

assert "initrd_maker" {
  condition = config.boot.initrd.systemd.enable != null || length(local.available) + length(local.forced) == 0
  message   = "boot.initrd names kernel modules, and each initrd generator reads them from its own file. Say which one the machine has: boot { initrd { systemd { enable = true } } } is dracut, false is initramfs-tools, Debian's default."
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

# initramfs-tools loads every module that it includes.
file "/etc/initramfs-tools/modules" {
  when    = config.boot.initrd.systemd.enable == false && length(local.available) + length(local.forced) > 0
  content = "${join("\n", sort(distinct(concat(local.available, local.forced))))}\n"
}
