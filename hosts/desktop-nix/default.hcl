# The desktop, whose root forgets at each boot.
imports = ["./disks.hcl", "./hardware.hcl", "./per-device.hcl", "../../modules/persistence"]

networking {
  host_id     = "c30f17ba"
  enable_ipv6 = false
}
