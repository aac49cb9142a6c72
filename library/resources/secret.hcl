option "secrets.default_file" {
  type        = optional(path)
  description = "The sops file of secrets that name none."
}

option "secrets.age_key_file" {
  type        = path
  default     = "/var/lib/hostctl/age.key"
  description = "The path of the host's private age key, on the host."
}

option "secret.*.file" {
  type        = optional(path)
  default     = config.secrets.default_file
  description = "The sops file that contains the secret."
}

option "secret.*.key" {
  type        = string
  default     = self.name
  description = "The key in the sops file. Write a/b for a nested key."
}

option "secret.*.owner" {
  type        = user_name
  default     = "root"
  description = "The account that may read it. An account that you write here, even root, counts as a user of the secret: validate warns of a secret that nothing uses."
}

option "secret.*.group" {
  type        = group_name
  default     = "root"
  description = "The group of the file."
}

option "secret.*.mode" {
  type        = mode
  default     = "0400"
  description = "The permissions of the file."
}

option "secret.*.needed_for_users" {
  type        = bool
  default     = false
  description = "Whether to decrypt it before accounts are created, to a file below /run/secrets-for-users that only root can read."
}

option "secret.*.restart_units" {
  type        = set(unit_name)
  default     = []
  description = "Units to restart when the secret changes."
}

option "secret.*.path" {
  type        = string
  default     = self.needed_for_users ? "/run/secrets-for-users/${self.name}" : "/run/secrets/${self.name}"
  read_only   = true
  description = "The path of the secret on the running host."
}

option "secret.*.placeholder" {
  type        = string
  default     = secret_placeholder(self.name)
  read_only   = true
  description = "Stands for the secret in the text of a file. hostctl replaces it with the value when it activates the host."
}
