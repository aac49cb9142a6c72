option "secrets.default_file" {
  type        = optional(path)
  description = "The sops file that secrets come from which name none."
}

option "secrets.age_key_file" {
  type        = path
  default     = "/var/lib/hostctl/age.key"
  description = "The private age key of the host, on the host."
}

option "secret.*.file" {
  type        = optional(path)
  default     = config.secrets.default_file
  description = "The sops file that holds the secret."
}

option "secret.*.key" {
  type        = string
  default     = self.name
  description = "The key in the sops file, a/b for nested ones."
}

option "secret.*.owner" {
  type        = user_name
  default     = "root"
  description = "The account that may read it. One that is written down, root too, is taken for who does: without it, and with nothing else that uses the secret, validate warns."
}

option "secret.*.group" {
  type        = group_name
  default     = "root"
  description = "The group of the file."
}

option "secret.*.mode" {
  type        = mode
  default     = "0400"
  description = "Permissions of the file."
}

option "secret.*.needed_for_users" {
  type        = bool
  default     = false
  description = "It is decrypted before accounts are made, below /run/secrets-for-users, for root only."
}

option "secret.*.restart_units" {
  type        = set(unit_name)
  default     = []
  description = "Units that restart when the secret changes."
}

option "secret.*.path" {
  type        = string
  default     = self.needed_for_users ? "/run/secrets-for-users/${self.name}" : "/run/secrets/${self.name}"
  read_only   = true
  description = "Where the secret can be read on the running host."
}

option "secret.*.placeholder" {
  type        = string
  default     = secret_placeholder(self.name)
  read_only   = true
  description = "Stands for the secret in the text of a file; the file is rendered with the value when the host activates."
}
