# The bar. Its symbols are words: the fonts of symbols that the original
# draws with, Nerd Fonts and Material Symbols, Debian does not carry.
programs {
  waybar { enable = true }
}

application "Waybar" { function = "Status Bar" }

home {
  name     = args.user
  packages = ["network-manager", "pavucontrol"]

  file ".config/waybar/config.jsonc" { source = "./config.jsonc" }
  file ".config/waybar/style.css" {
    content = substitute(file("./style.css"), { for n in ["00", "02", "04", "05", "09", "0F"] : "base${n}" => args.palette[n] })
  }
}
