# The Framework laptop. Its root does not forget, and so nothing has to be
# named to stay.
imports = ["./disks.hcl", "./hardware.hcl", "./network-manager", "./per-device.hcl", "./vms"]

networking {
  host_name   = host.name
  host_id     = "8425e349"
  enable_ipv6 = true
}

environment {
  shell_aliases = { rebuild = "sudo hostctl switch --host ${host.name}" }
}

secrets {
  default_file = "../../secrets/secrets.yaml"
  age_key_file = "/home/${args.user}/.config/sops/age/keys.txt"
}

secret "user_password_hashed" { needed_for_users = true }

# Shows that secrets arrive: sudo -u USER cat /run/secrets/hello_world
secret "hello_world" { owner = args.user }
