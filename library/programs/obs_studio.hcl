# OBS Studio. Under Wayland it records through PipeWire's portal.

option "programs.obs_studio.enable" {
  type        = bool
  default     = false
  description = "Whether to install OBS Studio, which records and streams the screen."
}

config {
  when     = config.programs.obs_studio.enable
  packages = ["obs-studio"]
}
