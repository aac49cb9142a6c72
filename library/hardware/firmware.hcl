# Firmware that devices load, from Debian's non-free-firmware.

option "hardware.firmware" {
  type        = set(package_name)
  default     = []
  description = "Firmware packages to install. Debian has one per vendor; firmware-linux pulls in most of them."
  example     = ["firmware-amd-graphics", "firmware-iwlwifi"]
}

option "hardware.wireless_regulatory_database" {
  type        = bool
  default     = false
  description = "Whether to install the wireless regulatory database, which tells the kernel which radio channels each country allows."
}

package {
  for_each = config.hardware.firmware
}

config {
  when     = config.hardware.wireless_regulatory_database
  packages = ["wireless-regdb"]
}
