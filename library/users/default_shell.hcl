# The shell of accounts that set none.

option "users.default_shell" {
  type        = optional(string)
  description = "The login shell of new accounts, for useradd and adduser: a path, or the name of a program in /usr/bin."
  example     = "zsh"
}

locals {
  shell = startswith(config.users.default_shell, "/") ? config.users.default_shell : "/usr/bin/${config.users.default_shell}"
}

config {
  when = config.users.default_shell != null

  file "/etc/default/useradd" {
    content = "SHELL=${local.shell}\n"
    check   = ["test", "-x", local.shell]
  }

  file "/etc/adduser.conf" {
    content = "DSHELL=${local.shell}\n"
    check   = ["test", "-x", local.shell]
  }
}
