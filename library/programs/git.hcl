# git, for the whole host.

option "programs.git.enable" {
  type        = bool
  default     = false
  description = "Whether to install git."
}

option "programs.git.settings" {
  type        = map(map(any))
  default     = {}
  description = "Settings of git-config(1) for the whole host, by section. Users' own settings override them."
  example     = { init = { defaultBranch = "main" } }
}

config {
  when     = config.programs.git.enable
  packages = ["git"]
}

file "/etc/gitconfig" {
  when    = config.programs.git.enable && length(config.programs.git.settings) > 0
  content = ini(config.programs.git.settings, { separator = " = " })
  check   = ["git", "config", "--file", "{path}", "--list"]
}
