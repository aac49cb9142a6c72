# sudo. Members of Debian's group sudo may do anything, with a password.

option "security.sudo.enable" {
  type        = bool
  default     = false
  description = "Whether to install sudo."
}

option "security.sudo.extra_config" {
  type        = optional(lines)
  description = "Lines of sudoers(5)."
  example     = "Defaults lecture = never"
}

config {
  when     = config.security.sudo.enable
  packages = ["sudo"]
}

file "/etc/sudoers.d/hostctl" {
  when    = config.security.sudo.enable && config.security.sudo.extra_config != null
  mode    = "0440"
  content = config.security.sudo.extra_config
  check   = ["visudo", "--check", "--strict", "--file", "{path}"]
}
