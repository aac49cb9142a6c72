# Framework Laptop 16 with a Ryzen 7040 and no graphics card.
imports = ["../../overlays/zfs.hcl"]

hardware {
  description = "Framework Laptop 16 (AMD, iGPU-only)"
  cpu {
    amd { update_microcode = true }
  }
  graphics {
    enable         = true
    extra_packages = ["libva2", "libvdpau-va-gl1", "libvdpau1"]
  }
  firmware                     = ["firmware-amd-graphics", "firmware-linux", "firmware-mediatek", "firmware-realtek"]
  wireless_regulatory_database = true
  keyboard {
    qmk { enable = true }
  }
  sensor {
    iio { enable = true }
  }
}

boot {
  # Not the newer one of the backports: v4l2loopback does not build with it.
  kernel_packages = ["linux-image-amd64", "linux-headers-amd64"]
  initrd {
    available_kernel_modules = ["amdgpu"]
    kernel_modules           = ["amdgpu"]
  }
  # The last one: the panel refreshes itself, which hangs.
  kernel_params         = ["amd_iommu=on", "mem_sleep_default=deep", "amdgpu.dcdebugmask=0x10"]
  extra_modprobe_config = "options cfg80211 ieee80211_regdom=US"
}

kernel_module = ["kvm-amd", "pci_stub", "v4l2loopback", "vfio", "vfio_iommu_type1", "vfio_pci"]

packages = ["v4l2loopback-dkms"]

services {
  fprintd { enable = true }
  fwupd { enable = true }
  power_profiles_daemon { enable = true }
  fstrim { enable = true }
  udev {
    rules = {
      "60-framework" = <<-EOT
        # The USB Ethernet expansion card goes to sleep too early.
        ACTION=="add", SUBSYSTEM=="usb", ATTR{idVendor}=="0bda", ATTR{idProduct}=="8156", ATTR{power/autosuspend}="20"
        # Keyboard, macro pad and number pad are configured over raw HID.
        SUBSYSTEM=="hidraw", ATTRS{idVendor}=="32ac", TAG+="uaccess"
      EOT
    }
  }
}

# The touch pad is off while somebody types on the keyboard module, too.
file "/etc/libinput/local-overrides.quirks" {
  content = <<-EOT
    [Framework Laptop 16 Keyboard Module]
    MatchName=Framework Laptop 16 Keyboard Module*
    MatchUdevType=keyboard
    MatchDMIModalias=dmi:*svnFramework:pnLaptop16*
    AttrKeyboardIntegration=internal
  EOT
}
