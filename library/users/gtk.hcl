# GTK's files in the home of a user. libadwaita programs ignore the theme, but
# like all others they read named colours from gtk.css.

option "home.*.gtk.enable" {
  type        = bool
  default     = false
  description = "Whether to set up GTK for the user."
}

option "home.*.gtk.theme" {
  type        = string
  default     = "Adwaita"
  description = "The theme for GTK 2 and 3. It must be installed."
  example     = "Adwaita-dark"
}

option "home.*.gtk.icon_theme" {
  type        = string
  default     = "Adwaita"
  description = "The icon theme. It must be installed."
  example     = "Papirus-Dark"
}

option "home.*.gtk.font" {
  type        = optional(string)
  description = "The font and its size in points."
  example     = "Sans 10"
}

option "home.*.gtk.prefer_dark" {
  type        = bool
  default     = false
  description = "Whether programs should use their dark variant."
}

option "home.*.gtk.colors" {
  type        = map(string)
  default     = {}
  description = "Named colours for GTK 3 and 4."
  example     = { window_bg_color = "#1A1B26" }
}

option "home.*.gtk.extra_css" {
  type        = lines
  default     = ""
  description = "More style rules, for GTK 3 only: those of GTK 4 differ."
  example     = "tooltip { padding: 2px; }"
}

locals {
  homes  = { for user, h in config.home : user => h.gtk if h.gtk.enable }
  colors = { for user, gtk in local.homes : user => join("", [for name, color in gtk.colors : "@define-color ${name} ${color};\n"]) }
  settings = { for user, gtk in local.homes : user => merge(
    { gtk-theme-name = gtk.theme, gtk-icon-theme-name = gtk.icon_theme },
    gtk.font == null ? {} : { gtk-font-name = gtk.font },
  ) }
  files = flatten([for user, gtk in local.homes : [
    { user = user, path = ".gtkrc-2.0", content = join("", [for name, value in local.settings[user] : "${name} = ${jsonencode(value)}\n"]) },
    { user = user, path = ".config/gtk-3.0/settings.ini", content = ini({ Settings = merge(local.settings[user], { gtk-application-prefer-dark-theme = gtk.prefer_dark }) }) },
    { user = user, path = ".config/gtk-4.0/settings.ini", content = ini({ Settings = merge(local.settings[user], { gtk-application-prefer-dark-theme = gtk.prefer_dark }) }) },
    { user = user, path = ".config/gtk-3.0/gtk.css", content = "${local.colors[user]}${gtk.extra_css}" },
    { user = user, path = ".config/gtk-4.0/gtk.css", content = local.colors[user] },
  ]])
}

file {
  for_each = { for f in local.files : "${config.user[f.user].home}/${f.path}" => f }
  owner    = each.value.user
  group    = coalesce(config.user[each.value.user].group, each.value.user)
  content  = each.value.content
}
