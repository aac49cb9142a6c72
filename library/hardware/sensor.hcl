# Sensors: ambient light, and how the machine is held.

option "hardware.sensor.iio.enable" {
  type        = bool
  default     = false
  description = "Whether programs can ask for the light around and the orientation of the machine."
}

config {
  when     = config.hardware.sensor.iio.enable
  packages = ["iio-sensor-proxy"]
}
