# A Ryzen with a Radeon. RADV of Mesa is its Vulkan.
hardware {
  description = "AMD Ryzen + AMD dGPU (custom build)"
  cpu {
    amd { update_microcode = true }
  }
  graphics {
    enable         = true
    extra_packages = ["libva2", "libvdpau-va-gl1", "libvdpau1"]
  }
  firmware = ["firmware-amd-graphics", "firmware-linux", "firmware-realtek"]
  keyboard {
    qmk { enable = true }
  }
}

boot {
  # The newest kernel that Debian's ZFS is built for.
  kernel_packages = ["linux-image-amd64", "linux-headers-amd64"]
  kernel_params   = ["amd_iommu=on", "mem_sleep_default=deep"]
  initrd {
    available_kernel_modules = ["amdgpu"]
    kernel_modules           = ["amdgpu"]
  }
}

kernel_module = ["kvm-amd", "pci_stub", "vfio", "vfio_iommu_type1", "vfio_pci"]

packages = ["qmk"]
