description = "A kernel and its initramfs, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "kernel" {
  system  = "amd64"
  modules = ["./hosts/kernel"]
}
