# Fonts, and which one a program gets that asks for none by name.

option "fonts.packages" {
  type        = set(string)
  default     = []
  description = "Packages of fonts."
  example     = ["fonts-hack", "fonts-noto"]
}

option "fonts.default.monospace" {
  type        = list(string)
  default     = []
  description = "Fonts with characters of one width, the preferred first."
  example     = ["Hack"]
}

option "fonts.default.sans_serif" {
  type        = list(string)
  default     = []
  description = "Fonts without serifs, the preferred first."
  example     = ["Noto Sans"]
}

option "fonts.default.serif" {
  type        = list(string)
  default     = []
  description = "Fonts with serifs, the preferred first."
  example     = ["Noto Serif"]
}

locals {
  chosen = { for family, names in {
    "monospace"  = config.fonts.default.monospace
    "sans-serif" = config.fonts.default.sans_serif
    "serif"      = config.fonts.default.serif
  } : family => names if length(names) > 0 }
}

config {
  when     = length(config.fonts.packages) + length(local.chosen) > 0
  packages = concat(["fontconfig"], tolist(config.fonts.packages))
}

file "/etc/fonts/conf.d/52-hostctl.conf" {
  when    = length(local.chosen) > 0
  content = <<-EOT
    <?xml version="1.0"?>
    <!DOCTYPE fontconfig SYSTEM "fonts.dtd">
    <fontconfig>
    ${join("\n", [for family, names in local.chosen : "  <alias>\n    <family>${family}</family>\n    <prefer>${join("", [for n in names : "<family>${n}</family>"])}</prefer>\n  </alias>"])}
    </fontconfig>
  EOT
}
