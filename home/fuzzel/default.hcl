# The launcher. The original's, Ulauncher, Debian does not carry; fuzzel takes
# its key and its colours.
locals { p = args.palette }

programs {
  fuzzel { enable = true }
}

application "fuzzel" { function = "Application Launcher" }
application "ulauncher" {
  function = "Application Launcher"
  missing  = "Debian does not carry it; fuzzel takes its key binding and its colours"
}

home {
  name = args.user
  file ".config/fuzzel/fuzzel.ini" {
    content = ini({
      main = { font = "Hack:size=12", terminal = "kitty", width = 40, lines = 12, layer = "overlay" }
      colors = {
        background     = "${local.p["00"]}ff"
        text           = "${local.p["05"]}ff"
        match          = "${local.p["0A"]}ff"
        selection      = "${local.p["02"]}ff"
        selection-text = "${local.p["07"]}ff"
        border         = "${local.p["0A"]}ff"
      }
      border = { width = 3, radius = 10 }
    })
  }
}
