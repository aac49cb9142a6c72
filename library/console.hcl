# The text console. Debian derives the console's key map from that of X
# (keyboard(5)), so there is only one layout.

option "console.enable" {
  type        = bool
  default     = false
  description = "Whether to set the console's font and keyboard layout."
}

option "console.font_face" {
  type        = enum("Fixed", "Goha", "GohaClassic", "Terminus", "TerminusBold", "TerminusBoldVGA", "VGA")
  default     = "Terminus"
  description = "The console font, one of those in console-setup(5)."
}

option "console.font_size" {
  type        = string
  default     = "8x16"
  description = "The width and height of a character."
  example     = "16x32"
}

option "console.keyboard_layout" {
  type        = string
  default     = "us"
  description = "The keyboard layout (XKBLAYOUT of keyboard(5))."
  example     = "de"
}

config {
  when     = config.console.enable
  packages = ["console-setup", "kbd"]

  file "/etc/default/console-setup" {
    content = keyvalue({
      ACTIVE_CONSOLES = "/dev/tty[1-6]"
      CHARMAP         = "UTF-8"
      CODESET         = "Uni2"
      FONTFACE        = config.console.font_face
      FONTSIZE        = config.console.font_size
    }, { separator = "=", quote = true })
  }

  file "/etc/default/keyboard" {
    content = keyvalue({
      BACKSPACE  = "guess"
      XKBLAYOUT  = config.console.keyboard_layout
      XKBMODEL   = "pc105"
      XKBOPTIONS = ""
      XKBVARIANT = ""
    }, { separator = "=", quote = true })
  }

  unit "keyboard-setup.service" {
    enabled          = true
    restart_triggers = ["/etc/default/keyboard"]
  }

  unit "console-setup.service" {
    enabled          = true
    restart_triggers = ["/etc/default/console-setup"]
  }
}
