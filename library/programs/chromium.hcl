# Chromium and its enterprise policies. The browser silently ignores a policy
# that it does not know, so hostctl checks the names against those that the
# browser of Debian 13 knows (version 156), and those of ChromeOS.

option "programs.chromium.enable" {
  type        = bool
  default     = false
  description = "Whether to install Chromium."
}

option "programs.chromium.extensions" {
  type        = set(string)
  default     = []
  description = "Ids of Chrome Web Store extensions to install. Users cannot remove them."
  example     = ["ddkjiahejlhfcafbddmgiahcphecmpfh"]
}

option "programs.chromium.policies" {
  type        = map(any)
  default     = {}
  keys        = concat(local.known, local.chromeos)
  description = "Mandatory policies, by the names that chrome://policy shows. They also apply to Brave if programs.brave is enabled."
  example     = { PasswordManagerEnabled = false }
}

option "programs.chromium.extra_policies" {
  type        = map(any)
  default     = {}
  description = "Policies whose names hostctl does not check: newer ones, or those of another browser built on Chromium."
  example     = { BraveRewardsDisabled = true }
}

option "programs.brave.enable" {
  type        = bool
  default     = false
  description = "Whether to apply Chromium's policies to Brave. Brave itself is not in Debian."
}

locals {
  known    = split("\n", trimspace(file("./chromium.txt")))
  chromeos = split("\n", trimspace(file("./chromeos.txt")))
  idle     = sort(setintersection(keys(config.programs.chromium.policies), local.chromeos))
  forced   = [for id in config.programs.chromium.extensions : "${id};https://clients2.google.com/service/update2/crx"]
  policies = merge(
    length(local.forced) > 0 ? { ExtensionInstallForcelist = local.forced } : {},
    config.programs.chromium.policies,
    config.programs.chromium.extra_policies,
  )
  text = "{\n${join(",\n", [for name, value in local.policies : "  ${jsonencode(name)}: ${jsonencode(value)}"])}\n}\n"
}

warn "chromeos_policies" {
  condition = length(local.idle) == 0
  message   = "Only ChromeOS knows these policies; they have no effect here: ${join(", ", local.idle)}."
}

config {
  when     = config.programs.chromium.enable
  packages = ["chromium"]
  file "/etc/chromium/policies/managed/hostctl.json" { content = local.text }
}

file "/etc/brave/policies/managed/hostctl.json" {
  when    = config.programs.brave.enable
  content = local.text
}
