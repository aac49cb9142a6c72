# Environment variables. No single place reaches everything: /etc/environment
# is for sessions (pam_env(8)), environment.d for users' units.

option "environment.session_variables" {
  type        = map(string)
  default     = {}
  description = "Environment variables of every session. Values are not expanded, since no shell reads them."
  example     = { EDITOR = "nano" }
}

config {
  when = length(config.environment.session_variables) > 0

  file "/etc/environment" {
    content = keyvalue(config.environment.session_variables, { separator = "=" })
  }

  file "/etc/environment.d/50-hostctl.conf" {
    content = keyvalue(config.environment.session_variables, { separator = "=", quote = true })
  }
}
