# Sensors: ambient light and orientation.

option "hardware.sensor.iio.enable" {
  type        = bool
  default     = false
  description = "Whether programs can read the ambient light and the orientation of the machine."
}

config {
  when     = config.hardware.sensor.iio.enable
  packages = ["iio-sensor-proxy"]
}
