# virt-manager, a window onto libvirt's machines.

option "programs.virt_manager.enable" {
  type        = bool
  default     = false
  description = "Whether virt-manager is installed."
}

config {
  when     = config.programs.virt_manager.enable
  packages = ["virt-manager"]
}
