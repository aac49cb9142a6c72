# Notifications. The original's icons, Qogir, Debian does not carry: Papirus.
locals { p = args.palette }

programs {
  dunst { enable = true }
}

application "dunst" { function = "Notifications" }

home {
  name     = args.user
  packages = ["papirus-icon-theme"]

  file ".config/dunst/dunstrc" {
    content = substitute(file("./dunstrc"), { for n in ["00", "03", "05", "0A", "0F"] : "base${n}" => local.p[n] })
  }
}
