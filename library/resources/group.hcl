option "group.*.gid" {
  type        = optional(number)
  description = "The group id; chosen when the group is made unless said."
}

option "group.*.system" {
  type        = bool
  default     = false
  description = "A system group: an id below 1000."
}
