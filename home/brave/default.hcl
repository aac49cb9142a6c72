# Brave takes Chromium's policies. Debian does not carry it; its key binding
# and window rules are Hyprland's.
programs {
  brave { enable = true }
}

application "Brave" {
  function = "Browser"
  missing  = "Debian does not carry it, only a repository of its maker does; its policies are written"
}
