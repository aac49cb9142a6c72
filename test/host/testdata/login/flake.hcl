description = "A host that people log in to, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "desk" {
  system  = "amd64"
  modules = ["./hosts/desk"]
}
