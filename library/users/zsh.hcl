# zsh's files in the home of a user.

option "home.*.programs.zsh.enable" {
  type        = bool
  default     = false
  description = "Whether to set up zsh for the user. programs.zsh sets it up for all users."
}

option "home.*.programs.zsh.history.size" {
  type        = number
  default     = 10000
  description = "How many lines of history to keep."
  example     = 50000
}

option "home.*.programs.zsh.history.path" {
  type        = string
  default     = "$HOME/.zsh_history"
  description = "The path of the history file. The shell expands it."
  example     = "$XDG_STATE_HOME/zsh_history"
}

option "home.*.programs.zsh.history.share" {
  type        = bool
  default     = true
  description = "Whether running shells share their history."
}

option "home.*.programs.zsh.env_extra" {
  type        = lines
  default     = ""
  description = "~/.zshenv: commands that every zsh of the user runs, including scripts."
  example     = "path+=($HOME/.local/bin)"
}

option "home.*.programs.zsh.init_content" {
  type        = lines
  default     = ""
  description = "~/.zshrc, after the history settings: commands of interactive shells. For a long text, use file(\"…\")."
  example     = "setopt correct"
}

option "home.*.programs.zsh.login_extra" {
  type        = lines
  default     = ""
  description = "~/.zlogin: commands of login shells, after all other files."
  example     = "[[ -z $TMUX ]] && tmux attach"
}

locals {
  users = { for user, h in config.home : user => h.programs.zsh if h.programs.zsh.enable }
  history = { for user, zsh in local.users : user => join("\n", [
    "HISTFILE=\"${zsh.history.path}\"",
    "HISTSIZE=${zsh.history.size}",
    "SAVEHIST=${zsh.history.size}",
    "setopt inc_append_history hist_ignore_dups${zsh.history.share ? " share_history" : ""}",
    "", "",
  ]) }
  texts = flatten([for user, zsh in local.users : [
    { user = user, name = ".zshenv", content = zsh.env_extra },
    { user = user, name = ".zshrc", content = "${local.history[user]}${zsh.init_content}" },
    { user = user, name = ".zlogin", content = zsh.login_extra },
  ]])
}

config {
  when     = length(local.users) > 0
  packages = ["zsh"]
}

file {
  for_each = { for f in local.texts : "${config.user[f.user].home}/${f.name}" => f if trimspace(f.content) != "" }
  owner    = each.value.user
  group    = coalesce(config.user[each.value.user].group, each.value.user)
  content  = each.value.content
  check    = ["zsh", "-n", "{path}"]
}
