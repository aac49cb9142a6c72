option "group.*.gid" {
  type        = optional(number)
  description = "The group id; chosen when the group is made unless said."
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is no whole number from 0."
  }
}

option "group.*.system" {
  type        = bool
  default     = false
  description = "A system group: an id below 1000."
}

option "group.*.absent" {
  type        = bool
  default     = false
  description = "There is no such group, whoever made it. Nothing else that is said of it counts."
}
