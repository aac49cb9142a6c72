# OpenSnitch, a firewall that asks which program may connect where.

option "services.opensnitch.enable" {
  type        = bool
  default     = false
  description = "Whether to run OpenSnitch, which filters outgoing connections by program."
}

option "services.opensnitch.settings" {
  type = map(any)
  default = {
    DefaultAction     = "allow"
    DefaultDuration   = "once"
    Firewall          = "nftables"
    InterceptUnknown  = false
    LogLevel          = 2
    ProcMonitorMethod = "ebpf"
    Server            = { Address = "unix:///tmp/osui.sock", LogFile = "/var/log/opensnitchd.log" }
  }
  description = "The daemon's default-config.json."
  example     = { DefaultAction = "deny" }
}

option "services.opensnitch.rules" {
  type        = map(any)
  default     = {}
  description = "Rules by name, in the daemon's JSON format."
  example = {
    apt = {
      action   = "allow"
      duration = "always"
      operator = { type = "simple", operand = "process.path", data = "/usr/lib/apt/methods/http" }
    }
  }
}

config {
  when     = config.services.opensnitch.enable
  packages = ["opensnitch"]

  file "/etc/opensnitchd/default-config.json" {
    content = "${jsonencode(config.services.opensnitch.settings)}\n"
  }

  file {
    for_each = config.services.opensnitch.rules
    name     = "/etc/opensnitchd/rules/${each.key}.json"
    content  = "${jsonencode(merge({ name = each.key, enabled = true }, each.value))}\n"
  }

  unit "opensnitch.service" {
    enabled          = true
    restart_triggers = ["/etc/opensnitchd/default-config.json"]
  }
}
