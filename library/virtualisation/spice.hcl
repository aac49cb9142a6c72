# SPICE.

option "virtualisation.spice_usb_redirection.enable" {
  type        = bool
  default     = false
  description = "Whether who sits at the machine may hand USB devices to a guest, without being root."
}

config {
  when     = config.virtualisation.spice_usb_redirection.enable
  packages = ["spice-client-glib-usb-acl-helper"]
}
