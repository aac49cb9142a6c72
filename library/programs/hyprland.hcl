# Hyprland, a compositor for Wayland, and the programs made for it. They come
# from the backports of Debian 13, which flake.hcl has to name as an input.

option "programs.hyprland.enable" {
  type        = bool
  default     = false
  description = "Whether Hyprland is installed, with its portal and Xwayland."
}

option "programs.hyprland.from" {
  type        = optional(package_ref)
  description = "The input that Hyprland and its kin come from; without it, the flake's first debian input."
  example     = "backports"
}

option "programs.hyprland.companions" {
  type        = set(enum("hypridle", "hyprlock", "hyprpaper", "hyprpicker"))
  default     = []
  description = "Which of the programs made for Hyprland are installed."
  example     = ["hypridle", "hyprlock"]
}

package {
  when     = config.programs.hyprland.enable
  for_each = setunion(["hyprland", "xdg-desktop-portal-hyprland"], config.programs.hyprland.companions)
  from     = config.programs.hyprland.from
}

config {
  when     = config.programs.hyprland.enable
  packages = ["xwayland"]
}
