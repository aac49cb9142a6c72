# The user's folders. ~/.config/user-dirs.conf keeps the updater that runs at
# login from rewriting user-dirs.dirs.

option "home.*.xdg.user_dirs.enable" {
  type        = bool
  default     = false
  description = "Whether to set the user's XDG folders, which programs find through xdg-user-dirs."
}

option "home.*.xdg.user_dirs.create_directories" {
  type        = bool
  default     = true
  description = "Whether to create the folders."
}

option "home.*.xdg.user_dirs.directories" {
  type = map(string)
  default = {
    DESKTOP   = "Desktop"
    DOCUMENTS = "Documents"
    DOWNLOAD  = "Downloads"
    MUSIC     = "Music"
    PICTURES  = "Pictures"
    VIDEOS    = "Videos"
  }
  description = "The path of each folder, relative to the home. You may add other kinds."
  example     = { SCREENSHOTS = "Pictures/Screenshots" }
}

locals {
  dirs    = { for user, h in config.home : user => h.xdg.user_dirs.directories if h.xdg.user_dirs.enable }
  folders = flatten([for user, dirs in local.dirs : [for kind, path in dirs : { user = user, path = path }] if config.home[user].xdg.user_dirs.create_directories])
  texts = flatten([for user, dirs in local.dirs : [
    { user = user, path = "user-dirs.conf", content = "enabled=False\n" },
    { user = user, path = "user-dirs.dirs", content = keyvalue({ for kind, path in dirs : "XDG_${kind}_DIR" => "$HOME/${path}" }, { separator = "=", quote = true }) },
  ]])
}

config {
  when     = length(local.dirs) > 0
  packages = ["xdg-user-dirs"]
}

file {
  for_each  = { for f in local.folders : "${config.user[f.user].home}/${f.path}" => f.user }
  owner     = each.value
  group     = coalesce(config.user[each.value].group, each.value)
  directory = true
}

file {
  for_each = { for f in local.texts : "${config.user[f.user].home}/.config/${f.path}" => f }
  owner    = each.value.user
  group    = coalesce(config.user[each.value.user].group, each.value.user)
  content  = each.value.content
}
