# PipeWire, which runs in each user's session: its packages enable the user
# units for all users.

option "services.pipewire.enable" {
  type        = optional(bool)
  description = "Whether to install PipeWire. false keeps it off the host."
}

option "services.pipewire.alsa.enable" {
  type        = bool
  default     = false
  description = "Whether ALSA programs play through PipeWire."
}

option "services.pipewire.pulse.enable" {
  type        = bool
  default     = false
  description = "Whether PipeWire replaces the PulseAudio server."
}

option "services.pipewire.jack.enable" {
  type        = bool
  default     = false
  description = "Whether PipeWire replaces the JACK server."
}

option "services.pipewire.wireplumber.enable" {
  type        = bool
  default     = true
  description = "Whether to install the session manager WirePlumber. Nothing plays without a session manager."
}

package "pipewire" {
  when   = config.services.pipewire.enable != null
  absent = !config.services.pipewire.enable
}

config {
  when = config.services.pipewire.enable == true
  packages = [
    config.services.pipewire.alsa.enable ? "pipewire-alsa" : null,
    config.services.pipewire.pulse.enable ? "pipewire-pulse" : null,
    config.services.pipewire.jack.enable ? "pipewire-jack" : null,
    config.services.pipewire.wireplumber.enable ? "wireplumber" : null,
  ]
}
