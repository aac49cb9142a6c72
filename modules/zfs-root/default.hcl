# One disk, one encrypted ZFS pool on it, for a machine whose passphrase is
# asked for at boot. A host says which disk, and may add datasets.
disk "nv2280" {
  partition "esp" {
    order         = 1
    size          = "2G" # kernels and initrds of several generations
    type          = "esp"
    filesystem    = "vfat"
    mount         = "/efi"
    mount_options = ["umask=0077"]
  }

  partition "zfs" {
    order = 2
    size  = "100%"
    pool  = "zroot"
  }
}

zpool "zroot" {
  # The timers below do what Debian's cron job would.
  properties = {
    canmount                    = "off"
    "org.debian:periodic-scrub" = "disable"
    "org.debian:periodic-trim"  = "disable"
  }

  dataset "encrypted" {
    properties = {
      mountpoint = "none"
      encryption = "aes-256-gcm"
      keyformat  = "passphrase"
    }
    key_location_after_create = "prompt"
  }

  dataset "encrypted/root" {
    properties     = { mountpoint = "legacy" }
    mount          = "/"
    blank_snapshot = true
  }

  # The generations and the packages' cache.
  dataset "encrypted/hostctl" {
    properties     = { mountpoint = "legacy" }
    mount          = "/var/lib/hostctl"
    needed_in_boot = true
  }

  dataset "encrypted/persist" {
    properties     = { mountpoint = "legacy" }
    mount          = "/persist"
    needed_in_boot = true
  }
}

boot {
  supported_filesystems = ["zfs"]
  initrd {
    systemd { enable = true }
    available_kernel_modules = [
      "nvme", "xhci_pci", "thunderbolt", "ahci", "usbhid", "usb_storage", "uas", "sd_mod",
      "pci_stub", "vfio", "vfio-pci", "vfio_iommu_type1",
      "virtio_net", "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "9p", "9pnet_virtio",
    ]
    kernel_modules = ["vfio", "vfio-pci"]
  }
  loader {
    systemd_boot { enable = true }
    timeout = 3
    efi { can_touch_variables = true }
  }
}

services {
  zfs {
    auto_scrub { enable = true }
    trim { enable = true }
  }
}
