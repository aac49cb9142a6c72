option "user.*.uid" {
  type        = optional(number)
  description = "The user id; chosen when the account is made unless said."
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is no whole number from 0."
  }
}

option "user.*.group" {
  type        = optional(group_name)
  description = "The primary group."
}

option "user.*.groups" {
  type        = set(group_name)
  default     = []
  description = "Every supplementary group. Where nothing says any, an account keeps those that it has."
}

option "user.*.home" {
  type        = path
  default     = self.name == "root" ? "/root" : "/home/${self.name}"
  description = "The home directory. Where nothing says one, an account that exists keeps its own."
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
  description = "A system account: no expiry, an id below 1000."
}

option "user.*.absent" {
  type        = bool
  default     = false
  description = "There is no such account, whoever made it; its home stays. Nothing else that is said of it counts."
}

option "user.*.hashed_password_file" {
  type        = optional(secret_ref)
  description = "The path of a secret that holds the crypt(5) hash; it is used when the account is made."
  example     = config.secret.password.path
}
