# PulseAudio.

option "services.pulseaudio.enable" {
  type        = optional(bool)
  description = "Whether to install the PulseAudio daemon. false keeps it off the host."
}

package "pulseaudio" {
  when   = config.services.pulseaudio.enable != null
  absent = !config.services.pulseaudio.enable
}

assert "one_sound_server" {
  condition = !(config.services.pulseaudio.enable == true && config.services.pipewire.pulse.enable)
  message   = "services.pulseaudio and services.pipewire.pulse are two sound servers on one socket: enable one of them."
}

moved {
  from = "hardware.pulseaudio.enable"
  to   = "services.pulseaudio.enable"
}

moved {
  from    = "sound.enable"
  message = "No option enables sound as a whole: services.pipewire.enable and services.pulseaudio.enable choose the sound server."
}
