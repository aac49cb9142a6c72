# PulseAudio.

option "services.pulseaudio.enable" {
  type        = optional(bool)
  description = "Whether there is the PulseAudio daemon. false keeps it off the host."
}

package "pulseaudio" {
  when   = config.services.pulseaudio.enable != null
  absent = !config.services.pulseaudio.enable
}

assert "one_sound_server" {
  condition = !(config.services.pulseaudio.enable == true && config.services.pipewire.pulse.enable)
  message   = "services.pulseaudio and services.pipewire.pulse are two sound servers at one socket: enable one of them."
}

moved {
  from = "hardware.pulseaudio.enable"
  to   = "services.pulseaudio.enable"
}

moved {
  from    = "sound.enable"
  message = "There is no switch for sound as a whole: services.pipewire.enable and services.pulseaudio.enable say which server plays."
}
