description = "The boot side of a workstation: a kernel, modules that are built, dracut"

input "debian" {
  url        = "debian:trixie"
  components = ["main", "contrib", "non-free-firmware"]
}

host "bootside" {
  system  = "amd64"
  modules = ["./hosts/bootside"]
}
