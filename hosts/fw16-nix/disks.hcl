imports = ["../../modules/zfs-root"]

disk "nv2280" { device = "/dev/nvme0n1" }

zpool "zroot" {
  # The key for the secrets is in the home.
  dataset "encrypted/home" {
    properties     = { mountpoint = "legacy" }
    mount          = "/home"
    needed_in_boot = true
    blank_snapshot = true
  }
}
