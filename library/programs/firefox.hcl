# Firefox, the extended support release that Debian carries, and its policies.
# hostctl checks their names against Firefox's own schema (version 153).

option "programs.firefox.enable" {
  type        = bool
  default     = false
  description = "Whether to install Firefox ESR."
}

option "programs.firefox.language_packs" {
  type        = set(string)
  default     = []
  description = "Language packs to install. en-US is built in."
  example     = ["de", "es-es"]
}

option "programs.firefox.policies" {
  type        = map(any)
  default     = {}
  keys        = split("\n", trimspace(file("./firefox.txt")))
  description = "Enterprise policies, by the names that about:policies shows."
  example     = { DisableTelemetry = true }
}

option "programs.firefox.extra_policies" {
  type        = map(any)
  default     = {}
  description = "Policies whose names hostctl does not check, such as newer ones."
  example     = { NewPolicy = true }
}

locals {
  languages = [for l in config.programs.firefox.language_packs : "firefox-esr-l10n-${lower(l)}" if lower(l) != "en-us"]
  policies  = merge(config.programs.firefox.policies, config.programs.firefox.extra_policies)
}

config {
  when     = config.programs.firefox.enable
  packages = concat(["firefox-esr"], local.languages)
}

file "/etc/firefox/policies/policies.json" {
  when    = config.programs.firefox.enable && length(local.policies) > 0
  content = "{\"policies\": {\n${join(",\n", [for name, value in local.policies : "  ${jsonencode(name)}: ${jsonencode(value)}"])}\n}}\n"
}
