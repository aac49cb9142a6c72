# The boot loader. A host that sets nothing here keeps the one it has: GRUB on
# Debian's images.

option "boot.loader.systemd_boot.enable" {
  type        = bool
  default     = false
  description = "Whether the machine boots with systemd-boot."
}

option "boot.loader.systemd_boot.editor" {
  type        = bool
  default     = true
  description = "Whether the boot menu allows editing the kernel command line. With it, anybody at the keyboard can become root."
}

option "boot.loader.timeout" {
  type        = optional(number)
  description = "How long the boot menu is shown, in seconds."
  example     = 3

  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is not a whole number of 0 or more."
  }
}

option "boot.loader.efi.can_touch_variables" {
  type        = bool
  default     = true
  description = "Whether the boot loader may add itself to the firmware's boot order."
}

option "boot.loader.efi.mount_point" {
  type        = path
  default     = "/efi"
  description = "Where the EFI system partition is mounted. It cannot be /boot: dpkg makes hard links there, and FAT has none."
  example     = "/boot/efi"

  validation {
    condition     = value != "/boot"
    error_message = "The EFI system partition is on /boot, where dpkg makes hard links when it unpacks a kernel, and FAT has none. Mount it on /efi or /boot/efi."
  }
}

config {
  when     = config.boot.loader.systemd_boot.enable
  packages = ["systemd-boot"]
}

# loader.conf(5) is on the file system that the loader itself reads.
file {
  name    = "${config.boot.loader.efi.mount_point}/loader/loader.conf"
  when    = config.boot.loader.systemd_boot.enable && (config.boot.loader.timeout != null || !config.boot.loader.systemd_boot.editor)
  content = <<-EOT
    ${config.boot.loader.timeout == null ? "" : "timeout ${config.boot.loader.timeout}\n"}editor ${config.boot.loader.systemd_boot.editor ? "yes" : "no"}
  EOT
}

file "/etc/default/grub.d/zz-hostctl-menu.cfg" {
  when    = config.boot.loader.timeout != null && !config.boot.loader.systemd_boot.enable
  content = "GRUB_TIMEOUT=${config.boot.loader.timeout}\n"
}
