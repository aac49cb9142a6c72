# The Dell laptop, whose root forgets at each boot.
imports = ["./disks.hcl", "./hardware.hcl", "./per-device.hcl", "../../modules/persistence"]

networking {
  host_name   = host.name
  host_id     = "9ab52e6d"
  enable_ipv6 = false
}

environment {
  shell_aliases = { rebuild = "sudo hostctl switch --host ${host.name}" }
}

secrets {
  default_file = "../../secrets/secrets.yaml"
}

secret "user_password_hashed" { needed_for_users = true }

# Shows that secrets arrive: sudo -u USER cat /run/secrets/hello_world
secret "hello_world" { owner = args.user }
