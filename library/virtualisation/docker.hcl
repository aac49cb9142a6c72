# Docker. Members of its group are as good as root.

option "virtualisation.docker.enable" {
  type        = bool
  default     = false
  description = "Whether to run the Docker daemon. Members of the group docker are as good as root."
}

option "virtualisation.docker.settings" {
  type        = map(any)
  default     = {}
  description = "The daemon.json of dockerd(8)."
  example     = { "insecure-registries" = ["registry.lan:5000"] }
}

config {
  when     = config.virtualisation.docker.enable
  packages = ["docker.io", "docker-cli"]

  unit "docker.service" { enabled = true }
}

config {
  when = config.virtualisation.docker.enable && length(config.virtualisation.docker.settings) > 0

  file "/etc/docker/daemon.json" {
    content = "${jsonencode(config.virtualisation.docker.settings)}\n"
    check   = ["dockerd", "--validate", "--config-file", "{path}"]
  }

  unit "docker.service" {
    restart_triggers = ["/etc/docker/daemon.json"]
  }
}
