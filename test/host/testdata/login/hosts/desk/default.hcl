packages = ["openssh-server", "tmux"]

file "/etc/motd" {
  content = "one\n"
}
