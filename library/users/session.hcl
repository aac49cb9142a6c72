# The environment of one user: for the user's units (environment.d(5)), and for
# shells, where the start files of zsh and of login shells read it.

option "home.*.session_variables" {
  type        = map(string)
  default     = {}
  description = "Environment variables of the user's sessions. A value may refer to other variables."
  example     = { GOPATH = "$HOME/go" }
}

option "home.*.xdg.enable" {
  type        = bool
  default     = false
  description = "Whether to set the variables of the XDG base directories, such as XDG_CONFIG_HOME."
}

locals {
  base = {
    XDG_CACHE_HOME  = "$HOME/.cache"
    XDG_CONFIG_HOME = "$HOME/.config"
    XDG_DATA_HOME   = "$HOME/.local/share"
    XDG_STATE_HOME  = "$HOME/.local/state"
  }
  variables = { for user, h in config.home : user => merge(h.xdg.enable ? local.base : {}, h.session_variables) }
  users     = { for user, vars in local.variables : user => vars if length(vars) > 0 }
}

file {
  for_each = { for user, vars in local.users : "${config.user[user].home}/.config/environment.d/50-hostctl.conf" => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content  = keyvalue(local.variables[each.value], { separator = "=", quote = true })
}

file {
  for_each = { for user, vars in local.users : "${config.user[user].home}/.config/hostctl/session.sh" => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content  = join("", [for name, value in local.variables[each.value] : "export ${name}=${jsonencode(value)}\n"])
  check    = ["sh", "-n", "{path}"]
}

file "/etc/profile.d/hostctl-session.sh" {
  when    = length(local.users) > 0
  content = "if [ -r \"$HOME/.config/hostctl/session.sh\" ]; then . \"$HOME/.config/hostctl/session.sh\"; fi\n"
}
