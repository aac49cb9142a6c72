description = "A host on which a test changes everything by hand"

input "debian" {
  url        = "debian:trixie"
  components = ["main"]
}

host "drift" {
  system  = "amd64"
  modules = ["./hosts/drift"]
}
