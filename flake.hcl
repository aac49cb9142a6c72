description = "The configuration of the nixos-config repository, on Debian 13"

input "debian" {
  url        = "debian:trixie"
  components = ["main", "contrib", "non-free", "non-free-firmware"]
}

# Newer versions of some packages, built for the same Debian. Only what a
# module takes from here comes from here, with what it needs.
input "backports" {
  url        = "debian:trixie-backports"
  components = ["main", "contrib", "non-free", "non-free-firmware"]
}

args {
  user            = "psiri"
  authorized_keys = [] # public SSH keys that open the account on servers

  # base16, as the applications' files take their colours from it.
  scheme = "tokyo-night-dark"
  palette = {
    "00" = "1A1B26", "01" = "16161E", "02" = "2F3549", "03" = "444B6A"
    "04" = "787C99", "05" = "A9B1D6", "06" = "CBCCD1", "07" = "D5D6DB"
    "08" = "C0CAF5", "09" = "A9B1D6", "0A" = "0DB9D7", "0B" = "9ECE6A"
    "0C" = "B4F9F8", "0D" = "2AC3DE", "0E" = "BB9AF7", "0F" = "F7768E"
  }
}

modules = ["./modules/security-hardening"]

template "standard" {
  modules = ["./templates/standard.hcl"]
}

template "server" {
  modules = ["./templates/server.hcl"]
}

host "fw16-nix" {
  system   = "amd64"
  template = "standard"
  modules  = ["./hosts/fw16-nix"]
}

host "ll-nix1" {
  system   = "amd64"
  template = "standard"
  modules  = ["./hosts/ll-nix1"]
}

host "desktop-nix" {
  system   = "amd64"
  template = "standard"
  modules  = ["./hosts/desktop-nix"]
}

host "server-nix" {
  system   = "amd64"
  template = "server"
  modules  = ["./hosts/server-nix"]
}
