# GnuPG and its agent. gpg starts the agent by itself, or the socket does that
# its package enables for every user.

option "programs.gnupg.agent.enable" {
  type        = bool
  default     = false
  description = "Whether gpg and its agent are installed."
}

option "programs.gnupg.agent.pinentry_package" {
  type        = package_name
  default     = "pinentry-curses"
  description = "The program that asks for passphrases."
  example     = "pinentry-tty"
}

config {
  when     = config.programs.gnupg.agent.enable
  packages = ["gnupg", "gpg-agent", config.programs.gnupg.agent.pinentry_package]
}
