option "sysctl" {
  type        = map(string)
  default     = {}
  description = "Kernel parameters, set now and at boot."
  example     = { "net.ipv4.ip_forward" = 1 }
}

option "kernel_module" {
  type        = set(string)
  default     = []
  description = "Kernel modules that are loaded now and at boot. A switch refuses one that no kernel of the host has and no DKMS package builds."
}
