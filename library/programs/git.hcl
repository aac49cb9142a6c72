# git, for the whole host.

option "programs.git.enable" {
  type        = bool
  default     = false
  description = "Whether git is installed."
}

option "programs.git.settings" {
  type        = map(map(any))
  default     = {}
  description = "git-config(1) of the host, by section. What users set is stronger."
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
