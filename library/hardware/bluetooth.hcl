# Bluetooth.

option "hardware.bluetooth.enable" {
  type        = optional(bool)
  description = "Whether there is Bluetooth. false keeps BlueZ off the host, whatever depends on it."
}

option "hardware.bluetooth.power_on_boot" {
  type        = bool
  default     = true
  description = "Whether adapters are on when the machine has started."
}

option "hardware.bluetooth.settings" {
  type        = map(map(any))
  default     = {}
  description = "main.conf of bluetoothd(8), by section."
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
