option "group.*.gid" {
  type        = optional(number)
  description = "The group id. By default, one is chosen when the group is created."
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is not a whole number of 0 or more."
  }
}

option "group.*.system" {
  type        = bool
  default     = false
  description = "Whether it is a system group, with an id below 1000."
}

option "group.*.absent" {
  type        = bool
  default     = false
  description = "Whether to remove the group, whoever created it. Its other options then have no effect."
}
