# A module: options of the library that are set, and files that come with it.

packages = ["curl", "git"]

# Shell, and whatever else has its own $ and %, is best a file of its own.
file "/etc/profile.d/greeting.sh" {
  source = "./greeting.sh"
}

# In text between <<-EOT and EOT, ${ } is HCL's. For the shell's own write $$.
file "/etc/profile.d/path.sh" {
  content = <<-EOT
    # made for ${host.name}
    export PATH="$${HOME}/.local/bin:$PATH"
  EOT
}
