# What the programs of a host are for. Metadata: it installs nothing, only
# `hostctl show` and people read it. Write the application next to the package,
# so that both come and go together.

option "application.*.function" {
  type        = one_of(string, set(string))
  description = "What the application is for, in plain words: one name, or several. `hostctl show` prints the applications of one function in one row."
  example     = "Browser"
}

option "application.*.missing" {
  type        = optional(string)
  description = "Why the host lacks the application although the configuration wants it. `hostctl show` prints this as a footnote."
  example     = "Debian does not carry it"
}
