# virt-manager, a graphical interface to libvirt's machines.

option "programs.virt_manager.enable" {
  type        = bool
  default     = false
  description = "Whether to install virt-manager, a graphical interface to libvirt."
}

config {
  when     = config.programs.virt_manager.enable
  packages = ["virt-manager"]
}
