# Programs for all users.

option "environment.packages" {
  type        = set(package_name)
  default     = []
  description = "Debian packages to install for all users."
  example     = ["git", "jq"]
}

package {
  for_each = toset(config.environment.packages)
}
