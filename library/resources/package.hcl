option "packages" {
  type        = set(package_name)
  default     = []
  description = "Debian packages that are installed, of the host's own architecture: others are not supported yet."
  example     = ["git", "vim"]
}

option "package.*.from" {
  type        = optional(package_ref)
  description = "The input that the package comes from; without it, the flake's first debian input."
  example     = "unstable"
}

option "package.*.absent" {
  type        = bool
  default     = false
  description = "The package is removed, whatever else is installed."
}

package {
  for_each = toset(config.packages)
}

assert "own_architecture" {
  for_each  = toset([for name in keys(config.package) : name if strcontains(name, ":")])
  condition = !contains(config.packages, each.key) && !contains(keys(config.package), each.key)
  message   = "${each.key}: packages.lock holds packages of one architecture, the host's own (${host.system}); those of others are not supported yet. Take it out, or write ${split(":", each.key)[0]}."
}
