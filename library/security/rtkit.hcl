# RealtimeKit, which lets desktop programs ask for real-time scheduling.

option "security.rtkit.enable" {
  type        = optional(bool)
  description = "Whether to install RealtimeKit. false keeps it off the host."
}

package "rtkit" {
  when   = config.security.rtkit.enable != null
  absent = !config.security.rtkit.enable
}
