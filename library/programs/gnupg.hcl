# GnuPG and its agent. gpg starts the agent, or the socket that the package
# enables for every user does.

option "programs.gnupg.agent.enable" {
  type        = bool
  default     = false
  description = "Whether to install gpg and its agent."
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
