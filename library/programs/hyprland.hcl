# Hyprland, a compositor for Wayland, and the programs made for it. They come
# from the backports of Debian 13, which must be an input in flake.hcl.

option "programs.hyprland.enable" {
  type        = bool
  default     = false
  description = "Whether to install Hyprland, with its portal and Xwayland."
}

option "programs.hyprland.from" {
  type        = optional(package_ref)
  description = "The input that Hyprland and its companions come from. Defaults to the flake's first debian input."
  example     = "backports"
}

option "programs.hyprland.companions" {
  type        = set(enum("hypridle", "hyprlock", "hyprpaper", "hyprpicker"))
  default     = []
  description = "Programs made for Hyprland to install with it."
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
