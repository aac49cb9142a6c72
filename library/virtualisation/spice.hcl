# SPICE.

option "virtualisation.spice_usb_redirection.enable" {
  type        = bool
  default     = false
  description = "Whether the user at the machine may redirect USB devices to a guest, without root."
}

config {
  when     = config.virtualisation.spice_usb_redirection.enable
  packages = ["spice-client-glib-usb-acl-helper"]
}
