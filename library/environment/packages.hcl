# Programs for everybody.

option "environment.packages" {
  type        = set(package_name)
  default     = []
  description = "Debian packages that are installed for all users."
  example     = ["git", "jq"]
}

package {
  for_each = toset(config.environment.packages)
}
