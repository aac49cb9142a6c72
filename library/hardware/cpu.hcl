# Microcode, which the initrd loads before the kernel. The packages are of
# Debian's non-free-firmware.

option "hardware.cpu.amd.update_microcode" {
  type        = bool
  default     = false
  description = "Whether an AMD processor gets its microcode updates."
}

option "hardware.cpu.intel.update_microcode" {
  type        = bool
  default     = false
  description = "Whether an Intel processor gets its microcode updates."
}

config {
  when     = config.hardware.cpu.amd.update_microcode
  packages = ["amd64-microcode"]
}

config {
  when     = config.hardware.cpu.intel.update_microcode
  packages = ["intel-microcode"]
}
