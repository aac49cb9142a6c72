# tumbler, which makes thumbnails for file managers. D-Bus starts it on demand.

option "services.tumbler.enable" {
  type        = bool
  default     = false
  description = "Whether to install tumbler, which makes thumbnails for file managers."
}

config {
  when     = config.services.tumbler.enable
  packages = ["tumbler"]
}
