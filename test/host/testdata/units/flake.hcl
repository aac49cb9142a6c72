description = "A host whose units change in every way, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "units" {
  system  = "amd64"
  modules = ["./hosts/units"]
}
