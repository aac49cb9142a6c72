option "sysctl" {
  type        = map(string)
  default     = {}
  description = "Kernel parameters (sysctl(8)), set by a switch and at boot."
  example     = { "net.ipv4.ip_forward" = 1 }
}

option "kernel_module" {
  type        = set(string)
  default     = []
  description = "Kernel modules to load, by a switch and at boot. A switch refuses a module that no kernel of the host has and no DKMS package builds."
}
