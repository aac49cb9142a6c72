# What the programs of a host are for. Metadata: it installs nothing, it is
# what `hostctl show` and people read. Write the application where the package
# is asked for, so that both come and go together.

option "application.*.function" {
  type        = one_of(string, set(string))
  description = "What the application is for, as people call it, or several such names; applications of one function stand in one row of `hostctl show`."
  example     = "Browser"
}

option "application.*.missing" {
  type        = optional(string)
  description = "Why the host does not have the application although the configuration wants it. `hostctl show` prints it as a footnote."
  example     = "Debian does not carry it"
}
