# The Dell laptop, whose root forgets at each boot.
imports = ["./disks.hcl", "./hardware.hcl", "./per-device.hcl", "../../modules/persistence"]

networking {
  host_id     = "9ab52e6d"
  enable_ipv6 = false
}
