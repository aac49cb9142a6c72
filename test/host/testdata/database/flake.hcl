description = "A database server, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "db" {
  system  = "amd64"
  modules = ["./hosts/db"]
}
