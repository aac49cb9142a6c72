# tumbler, which draws thumbnails for file managers. D-Bus starts it when it is asked for.

option "services.tumbler.enable" {
  type        = bool
  default     = false
  description = "Whether there is tumbler, which draws thumbnails for file managers."
}

config {
  when     = config.services.tumbler.enable
  packages = ["tumbler"]
}
