# Short names for commands, in login shells and in zsh.

option "environment.shell_aliases" {
  type        = map(string)
  default     = {}
  description = "Aliases for interactive shells: those that read /etc/profile.d, and zsh if programs.zsh is enabled."
  example     = { ll = "ls -l" }
}

locals {
  # A quote inside quotes: close them, add an escaped one, open them again.
  aliases = [for name, command in config.environment.shell_aliases : "alias ${name}='${replace(command, "'", "'\\''")}'"]
}

file "/etc/profile.d/hostctl-aliases.sh" {
  when    = length(config.environment.shell_aliases) > 0
  content = "${join("\n", local.aliases)}\n"
  check   = ["sh", "-n", "{path}"]
}
