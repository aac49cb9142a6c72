description = "The configuration of the nixos-config repository, on Debian 13"

input "debian" {
  url = "debian:trixie"
}

args {
  user            = "psiri"
  authorized_keys = [] # public SSH keys that open the account on servers
}

modules = ["./modules/security-hardening"]

template "server" {
  modules = ["./templates/server.hcl"]
}

host "server-nix" {
  system   = "amd64"
  template = "server"
  modules  = ["./hosts/server-nix"]
}
