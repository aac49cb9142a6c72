# The running kernel stays the one that was booted.

option "security.protect_kernel_image" {
  type        = bool
  default     = false
  description = "Whether the running kernel cannot be replaced: none is loaded by kexec, and none comes back from hibernation."
}

config {
  when   = config.security.protect_kernel_image
  sysctl = { "kernel.kexec_load_disabled" = 1 }
  boot { kernel_params = ["nohibernate"] }
  unit "hibernate.target" { masked = true }
  unit "hybrid-sleep.target" { masked = true }
}
