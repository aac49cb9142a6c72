# What `hostctl show` says of the programs that both templates list.
application "dig" { function = "Network Tools" }
application "dnsutils" { function = "Network Tools" }
application "iputils" { function = "Network Tools" }
application "mtr" { function = "Network Tools" }
application "netcat" { function = "Network Tools" }
application "nmap" { function = "Network Tools" }
application "ntp" { function = "Network Tools" }
application "wireshark" { function = "Network Tools" }
application "Ansible" { function = "Automation & IaC" }
application "Terraform" {
  function = "Automation & IaC"
  missing  = "in HashiCorp's own package repository (BUSL licence), not in Debian"
}
application "AWS CLI (v2)" { function = "CSP Tools" }
application "google-cloud-sdk" {
  function = "CSP Tools"
  missing  = "in Google's own package repository, not in Debian"
}
application "SSM Session Manager plugin" {
  function = "CSP Tools"
  missing  = "a single .deb of AWS, not in Debian"
}
application "btop" { function = "System Monitor" } # bashtop, whose author wrote it anew
application "htop" { function = "System Monitor" }
application "nano" { function = "Text Editor" }
