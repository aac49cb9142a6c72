# What servers have beside modules/base.
imports = [
  "../modules/applications",
  "../modules/audio/disable.hcl",
  "../modules/base",
  "../modules/console",
  "../modules/virt",
  "../home",
]

services {
  openssh {
    enable        = true
    open_firewall = true
    settings      = { PermitRootLogin = "no", PasswordAuthentication = false }
  }
}
