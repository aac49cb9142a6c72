# The boot loader. On a host that says nothing it stays what it is: GRUB on
# Debian's images.

option "boot.loader.systemd_boot.enable" {
  type        = bool
  default     = false
  description = "Whether systemd-boot starts the machine."
}

option "boot.loader.systemd_boot.editor" {
  type        = bool
  default     = true
  description = "Whether the menu lets one edit the kernel's command line, which makes anybody at the keyboard root."
}

option "boot.loader.timeout" {
  type        = optional(number)
  description = "Seconds that the menu is shown."
  example     = 3

  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is no whole number from 0."
  }
}

option "boot.loader.efi.can_touch_variables" {
  type        = bool
  default     = true
  description = "Whether the loader may put itself into the firmware's boot order."
}

option "boot.loader.efi.mount_point" {
  type        = path
  default     = "/efi"
  description = "Where the EFI system partition is mounted. Not on /boot: dpkg makes hard links there, which its file system has not."
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
