# Deletes old generations by itself, as 'hostctl gc' does.

option "hostctl.gc.enable" {
  type        = bool
  default     = false
  description = "Whether the host deletes old generations by itself."
}

option "hostctl.gc.keep" {
  type        = number
  default     = 10
  description = "How many of the newest generations to keep, whatever their age."
  example     = 20
  validation {
    condition     = value >= 1 && floor(value) == value
    error_message = "${value} is not a whole number of 1 or more."
  }
}

option "hostctl.gc.older_than" {
  type        = string
  default     = "30d"
  description = "Generations that are not older than this stay too. In hours, days or weeks."
  example     = "8w"
  validation {
    condition     = can(regex("^[0-9]{1,5}[hdw]$", value))
    error_message = "${value} is not a number of hours, days or weeks, such as 36h, 30d or 8w."
  }
}

option "hostctl.gc.dates" {
  type        = string
  default     = "weekly"
  description = "When to run, as an OnCalendar= expression (systemd.time(7))."
  example     = "Sun 05:00"
}

config {
  when = config.hostctl.gc.enable

  unit "hostctl-gc.service" {
    # Only the timer starts it, never a switch.
    restart_if_changed = false
    content            = <<-EOT
      [Unit]
      Description=Delete old generations of this host

      [Service]
      Type=oneshot
      ExecStart=${config.hostctl.path} gc --keep ${config.hostctl.gc.keep} --older-than ${config.hostctl.gc.older_than} --yes
      # Another run holds the lock: next time, then.
      SuccessExitStatus=4
    EOT
  }

  unit "hostctl-gc.timer" {
    enabled = true
    content = <<-EOT
      [Unit]
      Description=When to delete old generations

      [Timer]
      OnCalendar=${config.hostctl.gc.dates}
      RandomizedDelaySec=1h
      Persistent=true

      [Install]
      WantedBy=timers.target
    EOT
  }
}
