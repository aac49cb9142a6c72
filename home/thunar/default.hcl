# Thunar, with archives and removable media.
programs {
  thunar {
    enable  = true
    plugins = ["thunar-archive-plugin", "thunar-volman"]
  }
}

application "Thunar" { function = "File Manager" }
