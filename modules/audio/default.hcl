# Sound, through PipeWire.
environment { packages = ["pamixer", "pavucontrol", "pipewire-alsa", "pipewire-pulse", "rtkit", "wireplumber"] }

package "pulseaudio" { absent = true }
