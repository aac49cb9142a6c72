# Waybar, a bar for compositors such as Hyprland.

option "programs.waybar.enable" {
  type        = bool
  default     = false
  description = "Whether Waybar is installed."
}

config {
  when     = config.programs.waybar.enable
  packages = ["waybar"]
}
