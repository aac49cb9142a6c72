# Visual Studio Code and its free build VSCodium, set up for one user. Debian
# carries neither, so the files are written and nothing is installed. The
# editor writes settings.json too; a switch replaces what it wrote.

option "home.*.programs.vscode.enable" {
  type        = bool
  default     = false
  description = "Whether to set up the editor for the user."
}

option "home.*.programs.vscode.package" {
  type        = enum("code", "codium")
  default     = "codium"
  description = "Which build: Microsoft's (code), or VSCodium (codium). Each has its own settings folder."
}

option "home.*.programs.vscode.settings" {
  type        = any
  default     = {}
  description = "The editor's settings.json. Names may be nested, as in editor = { fontSize = 11 }, and become dotted names in the file. A setting whose value is an object needs its full name: \"files.associations\" = {…}."
  example     = { editor = { fontSize = 11 } }
  validation {
    condition     = can(dotted(value))
    error_message = "A setting is given twice, once nested and once by its dotted name."
  }
}

option "home.*.programs.vscode.keybindings" {
  type        = any
  default     = []
  description = "The editor's keybindings.json."
  example     = [{ key = "ctrl+k", command = "workbench.action.closeEditor" }]
}

locals {
  folder = { code = "Code", codium = "VSCodium" }
  dirs   = { for user, h in config.home : user => "${config.user[user].home}/.config/${local.folder[h.programs.vscode.package]}/User" if h.programs.vscode.enable }
}

file {
  for_each = { for user, dir in local.dirs : "${dir}/settings.json" => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content  = "{\n${join(",\n", [for name, value in dotted(config.home[each.value].programs.vscode.settings) : "  ${jsonencode(name)}: ${jsonencode(value)}"])}\n}\n"
}

file {
  for_each = { for user, dir in local.dirs : "${dir}/keybindings.json" => user if length(config.home[user].programs.vscode.keybindings) > 0 }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content  = "[\n${join(",\n", [for k in config.home[each.value].programs.vscode.keybindings : "  ${jsonencode(k)}"])}\n]\n"
}
