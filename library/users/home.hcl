# What is in the home of a user. The user owns it; folders above a file are
# made where they are missing.

option "home.*.packages" {
  type        = set(string)
  default     = []
  description = "Packages for this user. apt has no packages of one user: they are installed for all."
  example     = ["ripgrep"]
}

option "home.*.file.*.content" {
  type        = optional(string)
  description = "The text of the file, whose path is relative to the home."
  example     = "enabled=False\n"
}

option "home.*.file.*.source" {
  type        = optional(path)
  description = "A file of the flake that is copied; relative to the module that says so."
  example     = "./zshrc"
}

option "home.*.file.*.symlink" {
  type        = optional(string)
  description = "The path is a symbolic link to this."
  example     = "/srv/music"
}

option "home.*.file.*.directory" {
  type        = bool
  default     = false
  description = "The path is a directory."
}

option "home.*.file.*.mode" {
  type        = optional(mode)
  description = "Permissions: 0644 for files, 0755 for directories, 0400 where a secret is inside, unless said."
  example     = "0600"
}

locals {
  files = flatten([for user, h in config.home : [for path, f in h.file : { user = user, path = path }]])
}

package {
  for_each = toset(flatten([for user, h in config.home : h.packages]))
}

file {
  for_each  = { for f in local.files : "${config.user[f.user].home}/${f.path}" => f }
  owner     = each.value.user
  group     = config.user[each.value.user].group == null ? each.value.user : config.user[each.value.user].group
  content   = config.home[each.value.user].file[each.value.path].content
  source    = config.home[each.value.user].file[each.value.path].source
  symlink   = config.home[each.value.user].file[each.value.path].symlink
  directory = config.home[each.value.user].file[each.value.path].directory
  mode      = config.home[each.value.user].file[each.value.path].mode
}
