# Sound, through PipeWire.
services {
  pipewire {
    enable = true
    alsa { enable = true }
    pulse { enable = true }
    wireplumber { enable = true }
  }
  pulseaudio { enable = false }
}

security {
  rtkit { enable = true }
}

environment { packages = ["pamixer", "pavucontrol"] }

application "Pipewire" { function = "Audio" }
application "wireplumber" { function = "Audio" }
