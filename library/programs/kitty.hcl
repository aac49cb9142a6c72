# kitty, a terminal, set up for one user. The names of settings are those of
# version 0.41, less those for other systems.

option "home.*.programs.kitty.enable" {
  type        = bool
  default     = false
  description = "Whether to install kitty and set it up for the user."
}

option "home.*.programs.kitty.settings" {
  type        = map(any)
  default     = {}
  keys        = concat(split("\n", trimspace(file("./kitty.txt"))), [for n in range(16, 256) : "color${n}"])
  description = "Settings of kitty.conf(5). A list repeats its key, one line per element: map, env, symbol_map."
  example     = { scrollback_lines = 10000, map = ["ctrl+t new_tab"] }
}

option "home.*.programs.kitty.session" {
  type        = lines
  default     = ""
  description = "The tabs and windows that kitty opens when it starts. For a long text, use file(\"…\")."
  example     = "new_tab logs\nlaunch journalctl -f"
}

locals {
  homes  = { for user, h in config.home : user => "${config.user[user].home}/.config/kitty" if h.programs.kitty.enable }
  opened = { for user, dir in local.homes : user => "${dir}/startup.session" if trimspace(config.home[user].programs.kitty.session) != "" }
}

config {
  when     = length(local.homes) > 0
  packages = ["kitty"]
}

file {
  for_each = { for user, dir in local.homes : "${dir}/kitty.conf" => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content = keyvalue(merge(
    contains(keys(local.opened), each.value) ? { startup_session = local.opened[each.value] } : {},
    config.home[each.value].programs.kitty.settings,
  ), { separator = " " })
}

file {
  for_each = { for user, path in local.opened : path => user }
  owner    = each.value
  group    = coalesce(config.user[each.value].group, each.value)
  content  = config.home[each.value].programs.kitty.session
}
