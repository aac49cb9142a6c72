description = "A host that people reach over a network, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "far" {
  system  = "amd64"
  modules = ["./hosts/far"]
}
