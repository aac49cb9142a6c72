# Dell Latitude with the graphics of its Intel processor.
hardware {
  description = "Dell Latitude (Intel, iGPU-only)"
  cpu {
    intel { update_microcode = true }
  }
  graphics { enable = true }
  firmware = ["firmware-iwlwifi", "firmware-linux", "firmware-sof-signed"]
  keyboard {
    qmk { enable = true }
  }
}

boot {
  # The newest kernel that Debian's ZFS is built for.
  kernel_packages = ["linux-image-amd64", "linux-headers-amd64"]
  kernel_params   = ["mem_sleep_default=deep"]
}

kernel_module = ["pci_stub", "vfio", "vfio_iommu_type1", "vfio_pci"]

packages = ["qmk"]

services {
  fprintd { enable = true }
  fwupd { enable = true }
}
