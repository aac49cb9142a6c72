# Bluetooth.

option "hardware.bluetooth.enable" {
  type        = optional(bool)
  description = "Whether there is Bluetooth. false keeps BlueZ off the host, whatever depends on it."
}

package "bluez" {
  when   = config.hardware.bluetooth.enable != null
  absent = !config.hardware.bluetooth.enable
}

unit "bluetooth.service" {
  when    = config.hardware.bluetooth.enable == true
  enabled = true
}
