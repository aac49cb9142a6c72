# Programs for everybody.

option "environment.packages" {
  type        = set(string)
  default     = []
  description = "Debian packages that are installed for all users."
  example     = ["git", "jq"]
}

packages = config.environment.packages
