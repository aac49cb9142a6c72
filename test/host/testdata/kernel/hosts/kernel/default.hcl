packages = ["linux-image-cloud-amd64", "initramfs-tools"]

file "/etc/motd" {
  content = "with a kernel\n"
}
