# The Framework laptop. Its root does not forget, and so nothing has to be
# named to stay.
imports = ["./disks.hcl", "./hardware.hcl", "./network-manager", "./per-device.hcl", "./vms"]

networking {
  host_id     = "8425e349"
  enable_ipv6 = true
}

secrets { age_key_file = "/home/${args.user}/.config/sops/age/keys.txt" }
