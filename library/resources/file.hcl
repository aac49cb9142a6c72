option "file.*.content" {
  type        = optional(string)
  description = "The text of the file."
}

option "file.*.source" {
  type        = optional(path)
  description = "A file of the flake or of an input to copy. The path is relative to the module."
}

option "file.*.symlink" {
  type        = optional(string)
  description = "The target, if the path is a symbolic link."
}

option "file.*.directory" {
  type        = bool
  default     = false
  description = "Whether the path is a directory."
}

option "file.*.mode" {
  type        = optional(mode)
  description = "Permissions. Defaults to 0644 for files, 0755 for directories, and 0400 for files that contain a secret."
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
  description = "A command that checks the new file before it goes live. {path} stands for the file."
  example     = ["sshd", "-t", "-f", "{path}"]
}
