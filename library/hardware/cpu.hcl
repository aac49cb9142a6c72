# Microcode, which the initrd loads before the kernel. The packages are in
# Debian's non-free-firmware.

option "hardware.cpu.amd.update_microcode" {
  type        = bool
  default     = false
  description = "Whether to install microcode updates for AMD processors."
}

option "hardware.cpu.intel.update_microcode" {
  type        = bool
  default     = false
  description = "Whether to install microcode updates for Intel processors."
}

config {
  when     = config.hardware.cpu.amd.update_microcode
  packages = ["amd64-microcode"]
}

config {
  when     = config.hardware.cpu.intel.update_microcode
  packages = ["intel-microcode"]
}
