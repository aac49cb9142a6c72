# Keys that open an account over SSH. They stand in a file of root's beside
# ~/.ssh/authorized_keys, which stays the user's.

option "user.*.authorized_keys" {
  type        = set(string)
  default     = []
  description = "Public SSH keys that may log in, as authorized_keys of sshd(8) has them."
  example     = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… me@laptop"]
}

file {
  for_each = { for name, u in config.user : name => u if length(u.authorized_keys) > 0 && !u.absent }
  name     = "/etc/ssh/authorized_keys.d/${each.key}"
  content  = "${join("\n", config.user[each.key].authorized_keys)}\n"
}
