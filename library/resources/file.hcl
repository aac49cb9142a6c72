option "file.*.content" {
  type        = optional(string)
  description = "The text of the file."
}

option "file.*.source" {
  type        = optional(path)
  description = "A file of the flake or of an input whose bytes are copied; relative to the module that says so."
}

option "file.*.symlink" {
  type        = optional(string)
  description = "The path is a symbolic link to this."
}

option "file.*.directory" {
  type        = bool
  default     = false
  description = "The path is a directory."
}

option "file.*.mode" {
  type        = optional(mode)
  description = "Permissions: 0644 for files, 0755 for directories, 0400 where a secret is inside, unless said."
}

option "file.*.owner" {
  type        = user_name
  default     = "root"
  description = "The account that owns the path."
}

option "file.*.group" {
  type        = group_name
  default     = "root"
  description = "The group that owns the path."
}

option "file.*.check" {
  type        = list(string)
  default     = []
  description = "A command that judges the new file before it is used; {path} stands for the file."
  example     = ["sshd", "-t", "-f", "{path}"]
}
