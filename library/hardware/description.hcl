# What the machine is. Metadata for `hostctl show` and for people.

option "hardware.description" {
  type        = optional(string)
  description = "The machine in a few words."
  example     = "Framework Laptop 16 (AMD, iGPU-only)"
}
