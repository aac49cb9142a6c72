option "user.*.uid" {
  type        = optional(number)
  description = "The user id. By default, one is chosen when the account is created."
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is not a whole number of 0 or more."
  }
}

option "user.*.group" {
  type        = optional(group_name)
  description = "The primary group."
}

option "user.*.groups" {
  type        = set(group_name)
  default     = []
  description = "All supplementary groups. If no module sets them, an existing account keeps those that it has."
}

option "user.*.home" {
  type        = path
  default     = self.name == "root" ? "/root" : "/home/${self.name}"
  description = "The home directory. If no module sets it, an existing account keeps its own."
}

option "user.*.shell" {
  type        = optional(string)
  description = "The login shell: a path, or the name of a program in /usr/bin."
  example     = "zsh"
}

option "user.*.comment" {
  type        = optional(string)
  description = "The full name."
}

option "user.*.system" {
  type        = bool
  default     = false
  description = "Whether it is a system account, with no expiry and an id below 1000."
}

option "user.*.absent" {
  type        = bool
  default     = false
  description = "Whether to remove the account, whoever created it. Its home stays. Its other options then have no effect."
}

option "user.*.hashed_password_file" {
  type        = optional(secret_ref)
  description = "The path of a secret that contains the crypt(5) hash. It applies when the account is created."
  example     = config.secret.password.path
}
