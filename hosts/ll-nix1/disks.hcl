imports = ["../../modules/zfs-root"]

disk "nv2280" { device = "/dev/nvme0n1" }

zpool "zroot" {
  properties = {
    compression             = "zstd"
    "com.sun:auto-snapshot" = "false"
  }
}
