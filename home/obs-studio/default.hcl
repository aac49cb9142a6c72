# OBS Studio. It captures the screen through the portal of PipeWire, which
# the original's plug-in wlrobs is not needed for; Debian does not carry it.
programs {
  obs_studio { enable = true }
}

application "OBS Studio" { function = "Screen Recording" }
