# Keys that open an account over SSH. They are in a file that root owns, apart
# from ~/.ssh/authorized_keys, which stays the user's.

option "user.*.authorized_keys" {
  type        = set(ssh_public_key)
  default     = []
  description = "Public SSH keys that may log in, each in the format of a line of authorized_keys (sshd(8))."
  example     = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0 me@laptop"]
}

file {
  for_each = { for name, u in config.user : name => u if length(u.authorized_keys) > 0 && !u.absent }
  name     = "/etc/ssh/authorized_keys.d/${each.key}"
  content  = "${join("\n", config.user[each.key].authorized_keys)}\n"
}

locals {
  keyed    = [for name, u in config.user : name if length(u.authorized_keys) > 0 && !u.absent]
  settings = config.services.openssh.settings

  # A list becomes lines, and sshd takes the first one (sshd_config(5)).
  named = flatten([lookup(local.settings, "AuthorizedKeysFile", "")])
  first = split(" ", join("", slice(local.named, 0, min(1, length(local.named)))))

  # Other declared sshd files may name the folder, even if their text is unknown here.
  by_hand = length([
    for path, f in config.file : path
    if startswith(path, "/etc/ssh/sshd_config") && path != "/etc/ssh/sshd_config.d/10-hostctl.conf" && try(strcontains(f.content, "authorized_keys.d"), true)
  ]) > 0
  read = config.services.openssh.enable ? contains(local.first, "/etc/ssh/authorized_keys.d/%u") : local.by_hand
}

warn "ssh_keys_unread" {
  condition = length(local.keyed) == 0 || local.read
  message   = "No sshd reads the keys of ${join(", ", local.keyed)}: they are written to /etc/ssh/authorized_keys.d, ${config.services.openssh.enable ? "which services.openssh.settings.AuthorizedKeysFile does not name" : "which Debian's sshd does not look into"}. ${config.services.openssh.enable ? "Add /etc/ssh/authorized_keys.d/%u to it." : "Write services { openssh { enable = true } }, or declare the keys as file \"/home/NAME/.ssh/authorized_keys\"."}"
}

warn "ssh_keys_file_list" {
  when      = config.services.openssh.enable
  condition = length(local.named) <= 1
  message   = "sshd reads keys from ${join(" ", local.first)} alone: services.openssh.settings.AuthorizedKeysFile is a list, which becomes several lines, and sshd takes only the first. Write one string with a space between the names."
}
