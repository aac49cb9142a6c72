# Wireshark. wireshark-common asks through debconf whether users other than root
# may capture. The answer is no, and stays the administrator's to change.

option "programs.wireshark.enable" {
  type        = bool
  default     = false
  description = "Whether to install Wireshark."
}

option "programs.wireshark.package" {
  type        = enum("tshark", "wireshark")
  default     = "tshark"
  description = "Which program: tshark for the terminal, or wireshark with its graphical interface."
}

config {
  when     = config.programs.wireshark.enable
  packages = [config.programs.wireshark.package]
}
