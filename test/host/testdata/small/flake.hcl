description = "One small host, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "small" {
  system  = "amd64"
  modules = ["./hosts/small"]
}
