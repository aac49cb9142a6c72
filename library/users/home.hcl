# What is in the home of a user. The user owns it. Missing folders above a file
# are created.

option "home.*.packages" {
  type        = set(package_name)
  default     = []
  description = "Packages for this user. apt cannot install for one user only: all users get them."
  example     = ["ripgrep"]
}

option "home.*.file.*.content" {
  type        = optional(string)
  description = "The text of the file. The file's path is relative to the home."
  example     = "enabled=False\n"
}

option "home.*.file.*.source" {
  type        = optional(path)
  description = "A file of the flake to copy. The path is relative to the module."
  example     = "./zshrc"
}

option "home.*.file.*.symlink" {
  type        = optional(string)
  description = "The target, if the path is a symbolic link."
  example     = "/srv/music"
}

option "home.*.file.*.directory" {
  type        = bool
  default     = false
  description = "Whether the path is a directory."
}

option "home.*.file.*.mode" {
  type        = optional(mode)
  description = "Permissions. Defaults to 0644 for files, 0755 for directories, and 0400 for files that contain a secret."
  example     = "0600"
}

locals {
  written = flatten([for user, h in config.home : [for path, f in h.file : { user = user, path = path }]])
  rooted  = { for f in local.written : "${f.user} ${f.path}" => f if can(regex("^(~|[$]HOME|[$][{]HOME[}]|[.])?/|(^|/)[.][.](/|$)", f.path)) }
  users   = keys(config.user)
  files   = [for f in local.written : f if contains(local.users, f.user) && !contains(keys(local.rooted), "${f.user} ${f.path}")]
}

assert "home_path" {
  for_each  = local.rooted
  condition = !contains(keys(config.home[each.value.user].file), each.value.path)
  message = "${jsonencode(each.value.path)}: the path of a file in a home is relative to it. ${
    can(regex("(^|/)[.][.](/|$)", each.value.path))
    ? "Write it without .. in it. Declare files elsewhere at the top, outside home: file \"/srv/x\" { ... }."
    : startswith(each.value.path, "/") && !startswith(each.value.path, "/home/${each.value.user}/")
    ? "Declare files elsewhere at the top, outside home: file ${jsonencode(each.value.path)} { ... }."
    : "Write file ${jsonencode(replace(each.value.path, "/^(~|[$]HOME|[$][{]HOME[}]|[.]|/home/[^/]*)?/+/", ""))} { ... }."
  }"
}

assert "home_user" {
  for_each  = setsubtract(keys(config.home), local.users)
  condition = length(keys(config.home[each.key].file)) == 0
  message   = "home ${jsonencode(each.key)} has files, and no such user is declared to own them.${did_you_mean(each.key, local.users)} Write user ${jsonencode(each.key)} {}."
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
