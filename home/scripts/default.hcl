# Scripts that key bindings call, in ~/.local/bin.
environment { packages = ["brightnessctl", "libnotify-bin", "wireplumber", "wl-clipboard"] }

home {
  name = args.user
  file {
    for_each = toset(["brightness", "color-picker", "volume"])
    name     = ".local/bin/${each.key}"
    source   = "./${each.key}"
    mode     = "0755"
  }
}
