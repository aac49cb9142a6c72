# The outputs of this machine.
home {
  name = args.user
  file ".config/hypr/per-device.conf" { source = "./per-device.conf" }
}
