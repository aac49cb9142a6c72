# Bluetooth.

option "hardware.bluetooth.enable" {
  type        = optional(bool)
  description = "Whether to install and run BlueZ. false keeps it off the host, whatever depends on it."
}

option "hardware.bluetooth.power_on_boot" {
  type        = bool
  default     = true
  description = "Whether adapters are powered on at boot."
}

option "hardware.bluetooth.settings" {
  type        = map(map(any))
  default     = {}
  description = "Settings of bluetoothd(8)'s main.conf, by section."
  example     = { General = { Experimental = true } }
}

package "bluez" {
  when   = config.hardware.bluetooth.enable != null
  absent = !config.hardware.bluetooth.enable
}

config {
  when = config.hardware.bluetooth.enable == true

  file "/etc/bluetooth/main.conf" {
    content = ini(merge(config.hardware.bluetooth.settings, {
      Policy = merge({ AutoEnable = config.hardware.bluetooth.power_on_boot }, lookup(config.hardware.bluetooth.settings, "Policy", {}))
    }), { separator = "=" })
  }

  unit "bluetooth.service" {
    enabled          = true
    restart_triggers = ["/etc/bluetooth/main.conf"]
  }
}
