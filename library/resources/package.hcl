option "packages" {
  type        = set(string)
  default     = []
  description = "Debian packages that are installed; a name may carry an architecture, \"steam-libs:i386\"."
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
