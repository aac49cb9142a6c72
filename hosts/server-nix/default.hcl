# A headless server for virtual machines (KVM, AWS, GCP and their like): an
# existing Debian 13, whose disks and boot loader stay as they are.
imports = ["../../home/bottom", "../../home/git", "../../home/gpg", "../../home/zsh"]

networking {
  host_name = host.name
  networkmanager { enable = true }
  firewall { enable = true }
}

hardware { description = "Intended for VMs (KVM, AWS, GCP, etc)" }

environment {
  shell_aliases = { rebuild = "sudo hostctl switch --host ${host.name}" }
}

secrets {
  default_file = "../../secrets/secrets.yaml"
}

secret "user_password_hashed" { needed_for_users = true }

# Shows that secrets arrive: sudo -u USER cat /run/secrets/hello_world
secret "hello_world" { owner = args.user }
