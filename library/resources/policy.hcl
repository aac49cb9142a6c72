option "policy.max_removals" {
  type        = optional(number)
  description = "How many packages that nobody named one switch may remove in strict mode. A plan with more is refused. Defaults to 25, or to a tenth of the installed packages if that is fewer."
  example     = 40
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is not a whole number of 0 or more."
  }
}
