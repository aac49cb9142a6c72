# A host without sound.
services {
  pipewire { enable = false }
  pulseaudio { enable = false }
}

security {
  rtkit { enable = false }
}
