# Keyboards with the QMK firmware. Debian's qmk ships no udev rules, so only
# root could flash one.

option "hardware.keyboard.qmk.enable" {
  type        = bool
  default     = false
  description = "Whether the user at the machine may flash and configure keyboards with QMK or VIA, without root."
}

config {
  when = config.hardware.keyboard.qmk.enable
  services {
    udev {
      rules = {
        "60-qmk" = <<-EOT
          # Boot loaders: Atmel DFU, LUFA and Caterina, STM32, Raspberry Pi.
          SUBSYSTEMS=="usb", ATTRS{idVendor}=="03eb", TAG+="uaccess"
          SUBSYSTEMS=="usb", ATTRS{idVendor}=="0483", ATTRS{idProduct}=="df11", TAG+="uaccess"
          SUBSYSTEMS=="usb", ATTRS{idVendor}=="2e8a", ATTRS{idProduct}=="0003", TAG+="uaccess"
          SUBSYSTEMS=="usb", ATTRS{idVendor}=="1b4f", TAG+="uaccess"
          # Configuration while it runs, which VIA does over raw HID.
          KERNEL=="hidraw*", SUBSYSTEM=="hidraw", TAG+="uaccess"
        EOT
      }
    }
  }
}
