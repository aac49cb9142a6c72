# OBS Studio. Under Wayland it records through the portal of PipeWire.

option "programs.obs_studio.enable" {
  type        = bool
  default     = false
  description = "Whether OBS Studio, which records and streams the screen, is installed."
}

config {
  when     = config.programs.obs_studio.enable
  packages = ["obs-studio"]
}
