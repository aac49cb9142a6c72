# RealtimeKit, which lets programs of the desktop ask for real-time scheduling.

option "security.rtkit.enable" {
  type        = optional(bool)
  description = "Whether there is RealtimeKit. false keeps it off the host."
}

package "rtkit" {
  when   = config.security.rtkit.enable != null
  absent = !config.security.rtkit.enable
}
