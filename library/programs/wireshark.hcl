# Wireshark. Who may capture without being root is a debconf question of
# wireshark-common, whose answer is no and stays with the administrator.

option "programs.wireshark.enable" {
  type        = bool
  default     = false
  description = "Whether Wireshark is installed."
}

option "programs.wireshark.package" {
  type        = enum("tshark", "wireshark")
  default     = "tshark"
  description = "The program: tshark in the terminal, or wireshark with its window."
}

config {
  when     = config.programs.wireshark.enable
  packages = [config.programs.wireshark.package]
}
