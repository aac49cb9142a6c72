# zsh. /etc/zsh/zshrc has no folder for additions, so the whole file is ours;
# a user's ~/.zshrc is read after it.

option "programs.zsh.enable" {
  type        = bool
  default     = false
  description = "Whether zsh is installed and set up."
}

option "programs.zsh.enable_completion" {
  type        = bool
  default     = true
  description = "Whether zsh completes commands, those that bring completion for bash as well."
}

option "programs.zsh.autosuggestions.enable" {
  type        = bool
  default     = false
  description = "Whether zsh proposes commands from the history while typing."
}

option "programs.zsh.syntax_highlighting.enable" {
  type        = bool
  default     = false
  description = "Whether zsh colours the command line."
}

option "programs.zsh.syntax_highlighting.highlighters" {
  type        = list(string)
  default     = ["main"]
  description = "What is coloured."
  example     = ["main", "brackets"]
}

option "programs.zsh.syntax_highlighting.styles" {
  type        = map(string)
  default     = {}
  description = "Styles that are to differ from the highlighter's own."
  example     = { globbing = "none" }
}

option "programs.zsh.interactive_shell_init" {
  type        = lines
  default     = ""
  description = "Commands of every interactive zsh. For much text use file(\"…\")."
  example     = "setopt correct"
}

locals {
  highlighting = <<-EOT
    # The highlighter wraps every widget there is, so it comes last.
    source /usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh
    ZSH_HIGHLIGHT_HIGHLIGHTERS=(${join(" ", config.programs.zsh.syntax_highlighting.highlighters)})
    ${join("\n", [for name, style in config.programs.zsh.syntax_highlighting.styles : "ZSH_HIGHLIGHT_STYLES[${name}]='${style}'"])}
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
    content = join("\n", compact([
      "# Read by interactive shells, before ~/.zshrc.",
      "[[ -r /etc/profile.d/hostctl-aliases.sh ]] && source /etc/profile.d/hostctl-aliases.sh",
      "[[ -r ~/.config/hostctl/session.sh ]] && source ~/.config/hostctl/session.sh",
      config.programs.zsh.enable_completion ? "autoload -Uz compinit bashcompinit\ncompinit\nbashcompinit" : "",
      config.programs.gnupg.agent.enable ? "export GPG_TTY=$TTY" : "",
      config.programs.zsh.autosuggestions.enable ? "source /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh" : "",
      config.programs.zsh.interactive_shell_init,
      config.programs.zsh.syntax_highlighting.enable ? local.highlighting : "",
    ]))
  }
}
