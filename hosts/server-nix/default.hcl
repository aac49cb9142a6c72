# A headless server for virtual machines (KVM, AWS, GCP and their like): an
# existing Debian 13, whose disks and boot loader stay as they are.
imports = ["../../home/bottom", "../../home/git", "../../home/gpg", "../../home/zsh"]

networking {
  networkmanager { enable = true }
}

hardware { description = "Intended for VMs (KVM, AWS, GCP, etc)" }
