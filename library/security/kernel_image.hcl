# The running kernel stays the one that was booted.

option "security.protect_kernel_image" {
  type        = bool
  default     = false
  description = "Whether to protect the running kernel from being replaced: kexec and hibernation are disabled."
}

config {
  when   = config.security.protect_kernel_image
  sysctl = { "kernel.kexec_load_disabled" = 1 }
  boot { kernel_params = ["nohibernate"] }
  unit "hibernate.target" { masked = true }
  unit "hybrid-sleep.target" { masked = true }
}
