imports = ["../../modules/zfs-root"]

disk "nv2280" { device = "/dev/nvme0n1" }
