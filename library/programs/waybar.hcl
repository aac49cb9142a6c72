# Waybar, a bar for compositors such as Hyprland.

option "programs.waybar.enable" {
  type        = bool
  default     = false
  description = "Whether to install Waybar, a status bar for Wayland."
}

config {
  when     = config.programs.waybar.enable
  packages = ["waybar"]
}
