option "policy.max_removals" {
  type        = optional(number)
  description = "How many packages one switch may remove in strict mode that nobody named: a plan with more is refused. Unless said it is 25, or a tenth of the installed packages where that is fewer."
  example     = 40
  validation {
    condition     = value >= 0 && floor(value) == value
    error_message = "${value} is no whole number from 0."
  }
}
