option "packages" {
  type        = set(package_name)
  default     = []
  description = "Debian packages to install, of the host's own architecture. Others are not supported yet."
  example     = ["git", "vim"]
}

option "package.*.from" {
  type        = optional(package_ref)
  description = "The input that the package comes from. Defaults to the flake's first debian input."
  example     = "unstable"
}

option "package.*.absent" {
  type        = bool
  default     = false
  description = "Whether to remove the package, even if something depends on it."
}

package {
  for_each = toset(config.packages)
}

assert "own_architecture" {
  for_each  = toset([for name in keys(config.package) : name if strcontains(name, ":")])
  condition = !contains(config.packages, each.key) && !contains(keys(config.package), each.key)
  message   = "${each.key}: packages.lock holds packages of one architecture, the host's own (${host.system}); others are not supported yet. Take it out, or write ${split(":", each.key)[0]}."
}
