# NetworkManager. It leaves alone the interfaces that /etc/network/interfaces
# names; whoever shall use it without sudo is in the group netdev.

option "networking.networkmanager.enable" {
  type        = bool
  default     = false
  description = "Whether NetworkManager configures the network."
}

config {
  when     = config.networking.networkmanager.enable
  packages = ["network-manager"]

  unit "NetworkManager.service" { enabled = true }
}
