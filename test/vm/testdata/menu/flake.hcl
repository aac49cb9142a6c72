description = "A machine that boots from a menu, for tests"

input "debian" {
  url        = "debian:trixie"
  components = ["main", "contrib"]
}

host "menu" {
  system  = "amd64"
  modules = ["./hosts/menu"]
}
