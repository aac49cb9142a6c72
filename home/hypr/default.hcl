# Hyprland with its wallpaper, idle and lock programs. The outputs of a host
# are in per-device.conf beside the host; what concerns one application is in
# per-app/, a file each.
imports = ["../fuzzel", "../scripts"]

locals {
  colors   = { for n, color in args.palette : "base${n}" => color }
  per_app  = ["brave", "chromium", "dunst", "firefox", "flameshot", "kitty", "obs", "waybar", "wlogout"]
  home     = config.user[args.user].home
  pictures = "${local.home}/Pictures/wallpapers"
}

programs {
  hyprland {
    enable     = true
    from       = "backports"
    companions = ["hypridle", "hyprlock", "hyprpaper", "hyprpicker"]
  }
}

application "Hyprland" { function = ["Compositor", "Window Manager"] }
application "Wayland" { function = "Display Server" }
application "hypridle" { function = "Idle Daemon" }
application "hyprlock" { function = "Screen Lock" }
application "grim" { function = "Screenshots" }
application "slurp" { function = "Screenshots" }

environment { packages = ["gnome-keyring", "grim", "libnotify-bin", "lxqt-policykit", "slurp", "udiskie", "wl-clipboard"] }

home {
  name              = args.user
  session_variables = { MOZ_ENABLE_WAYLAND = "1" }

  file ".config/hypr/hyprland.conf" {
    content = substitute(file("./hyprland.conf"), merge(local.colors, { home = local.home }))
  }
  file ".config/hypr/bindings.conf" { content = substitute(file("./bindings.conf"), { home = local.home, pictures = local.pictures }) }
  file ".config/hypr/hyprpaper.conf" { content = substitute(file("./hyprpaper.conf"), { pictures = local.pictures }) }
  file ".config/hypr/hypridle.conf" { source = "./hypridle.conf" }
  file ".config/hypr/hyprlock.conf" {
    content = substitute(file("./hyprlock.conf"), { for n in ["00", "02", "05", "0B", "0F"] : "base${n}" => args.palette[n] })
  }
  file {
    for_each = toset(local.per_app)
    name     = ".config/hypr/per-app/${each.key}.conf"
    content  = file("./per-app/${each.key}.conf")
  }
}
