# zsh. The files in /etc/zsh have no drop-in folder, so hostctl writes each one
# that it needs as a whole. zsh reads a user's own files after them.

option "programs.zsh.enable" {
  type        = bool
  default     = false
  description = "Whether to install zsh and set it up for all users."
}

option "programs.zsh.enable_completion" {
  type        = bool
  default     = true
  description = "Whether zsh completes commands."
}

option "programs.zsh.enable_bash_completion" {
  type        = bool
  default     = true
  description = "Whether zsh also uses bash completions."
}

option "programs.zsh.autosuggestions.enable" {
  type        = bool
  default     = false
  description = "Whether zsh suggests commands from the history as you type."
}

option "programs.zsh.syntax_highlighting.enable" {
  type        = bool
  default     = false
  description = "Whether zsh highlights the syntax of the command line."
}

option "programs.zsh.syntax_highlighting.highlighters" {
  type        = list(string)
  default     = ["main"]
  description = "The highlighters to use."
  example     = ["main", "brackets"]
}

option "programs.zsh.syntax_highlighting.styles" {
  type        = map(string)
  default     = {}
  description = "Styles that replace the highlighter's own."
  example     = { globbing = "none" }
}

option "programs.zsh.syntax_highlighting.patterns" {
  type        = map(string)
  default     = {}
  description = "Styles for text that matches a pattern. They need the highlighter pattern."
  example     = { "rm -rf *" = "fg=white,bold,bg=red" }
}

option "programs.zsh.set_options" {
  type        = set(string)
  default     = []
  description = "Options of zshoptions(1) that every interactive zsh sets."
  example     = ["hist_ignore_dups", "share_history"]
}

option "programs.zsh.shell_init" {
  type        = lines
  default     = ""
  description = "Commands that every zsh runs, including scripts and root's shells."
  example     = "typeset -U path"
}

option "programs.zsh.login_shell_init" {
  type        = lines
  default     = ""
  description = "Commands that every login shell runs."
  example     = "umask 027"
}

option "programs.zsh.prompt_init" {
  type        = lines
  default     = ""
  description = "Commands that set the prompt."
  example     = "autoload -Uz promptinit && promptinit && prompt suse"
}

option "programs.zsh.interactive_shell_init" {
  type        = lines
  default     = ""
  description = "Commands that every interactive zsh runs. For a long text, use file(\"…\")."
  example     = "setopt correct"
}

locals {
  highlighting = <<-EOT
    # The highlighter wraps every widget there is, so it comes last.
    source /usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh
    ZSH_HIGHLIGHT_HIGHLIGHTERS=(${join(" ", config.programs.zsh.syntax_highlighting.highlighters)})
    ${join("\n", concat(
  [for name, style in config.programs.zsh.syntax_highlighting.styles : "ZSH_HIGHLIGHT_STYLES[${name}]='${style}'"],
  [for pattern, style in config.programs.zsh.syntax_highlighting.patterns : "ZSH_HIGHLIGHT_PATTERNS+=('${pattern}' '${style}')"],
))}
  EOT
}

config {
  when = config.programs.zsh.enable
  packages = [
    "zsh",
    config.programs.zsh.autosuggestions.enable ? "zsh-autosuggestions" : null,
    config.programs.zsh.syntax_highlighting.enable ? "zsh-syntax-highlighting" : null,
  ]

  file "/etc/zsh/zshrc" {
    check = ["zsh", "-n", "{path}"]
    content = "${join("\n", compact([for part in [
      "# Read by interactive shells, before ~/.zshrc.",
      "[[ -r /etc/profile.d/hostctl-aliases.sh ]] && source /etc/profile.d/hostctl-aliases.sh",
      "[[ -r ~/.config/hostctl/session.sh ]] && source ~/.config/hostctl/session.sh",
      length(config.programs.zsh.set_options) > 0 ? "setopt ${join(" ", config.programs.zsh.set_options)}" : "",
      config.programs.zsh.enable_completion ? "autoload -Uz compinit\ncompinit" : "",
      config.programs.zsh.enable_completion && config.programs.zsh.enable_bash_completion ? "autoload -Uz bashcompinit\nbashcompinit" : "",
      config.programs.gnupg.agent.enable ? "export GPG_TTY=$TTY" : "",
      config.programs.zsh.autosuggestions.enable ? "source /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh" : "",
      config.programs.zsh.prompt_init,
      config.programs.zsh.interactive_shell_init,
      config.programs.zsh.syntax_highlighting.enable ? local.highlighting : "",
    ] : chomp(part)]))}\n"
  }
}

file "/etc/zsh/zshenv" {
  when    = config.programs.zsh.enable && trimspace(config.programs.zsh.shell_init) != ""
  check   = ["zsh", "-n", "{path}"]
  content = config.programs.zsh.shell_init
}

file "/etc/zsh/zprofile" {
  when    = config.programs.zsh.enable && trimspace(config.programs.zsh.login_shell_init) != ""
  check   = ["zsh", "-n", "{path}"]
  content = config.programs.zsh.login_shell_init
}
