# Graphics: Mesa's OpenGL, Vulkan and video decoding. Programs of another
# architecture (32 bit) are not supported: packages.lock holds one version of
# a package, for one architecture.

option "hardware.graphics.enable" {
  type        = bool
  default     = false
  description = "Whether to install Mesa's drivers for OpenGL, Vulkan and video decoding."
}

option "hardware.graphics.extra_packages" {
  type        = set(package_name)
  default     = []
  description = "Further graphics libraries to install."
  example     = ["libvdpau-va-gl1"]
}

config {
  when     = config.hardware.graphics.enable
  packages = concat(["libgl1-mesa-dri", "mesa-va-drivers", "mesa-vulkan-drivers"], config.hardware.graphics.extra_packages)
}

moved {
  from = "hardware.opengl.enable"
  to   = "hardware.graphics.enable"
}

moved {
  from = "hardware.opengl.extra_packages"
  to   = "hardware.graphics.extra_packages"
}

moved {
  from    = "hardware.opengl.dri_support"
  message = "hardware.graphics.enable is enough: Mesa always has direct rendering."
}
