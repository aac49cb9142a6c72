# Firmware that devices load, of Debian's non-free-firmware.

option "hardware.firmware" {
  type        = set(package_name)
  default     = []
  description = "Packages of firmware. Debian has one for each maker; firmware-linux brings those of most."
  example     = ["firmware-amd-graphics", "firmware-iwlwifi"]
}

option "hardware.wireless_regulatory_database" {
  type        = bool
  default     = false
  description = "Whether the kernel knows which radio channels which country allows."
}

package {
  for_each = config.hardware.firmware
}

config {
  when     = config.hardware.wireless_regulatory_database
  packages = ["wireless-regdb"]
}
