# git, set up for one user: ~/.config/git/config. git reads ~/.gitconfig after
# it.

option "home.*.programs.git.enable" {
  type        = bool
  default     = false
  description = "Whether to install git and set it up for the user."
}

option "home.*.programs.git.settings" {
  type        = map(map(any))
  default     = {}
  description = "The user's settings of git-config(1), by section."
  example     = { init = { defaultBranch = "main" } }
}

option "home.*.programs.git.signing.key" {
  type        = optional(string)
  description = "The OpenPGP key to sign with."
  example     = "0123456789ABCDEF"
}

option "home.*.programs.git.signing.sign_by_default" {
  type        = bool
  default     = false
  description = "Whether git signs all commits and tags."
}

locals {
  users = { for user, h in config.home : user => h.programs.git if h.programs.git.enable }
  texts = { for user, git in local.users : user => merge(
    git.signing.key == null ? {} : { user = { signingKey = git.signing.key } },
    git.signing.sign_by_default ? { commit = { gpgSign = true }, tag = { gpgSign = true } } : {},
  ) }
}

config {
  when     = length(local.users) > 0
  packages = ["git"]
}

file {
  for_each = { for user, git in local.users : "${config.user[user].home}/.config/git/config" => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  check    = ["git", "config", "--file", "{path}", "--list"]
  content = ini({ for section in setunion(keys(local.texts[each.value]), keys(local.users[each.value].settings)) :
    section => merge(lookup(local.texts[each.value], section, {}), lookup(local.users[each.value].settings, section, {}))
  }, { separator = " = " })
}
