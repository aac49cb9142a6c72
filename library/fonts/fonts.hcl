# Fonts, and which one a program gets when it asks for a kind of font.

option "fonts.packages" {
  type        = set(package_name)
  default     = []
  description = "Debian packages of fonts. fontconfig, which finds them, is installed too."
  example     = ["fonts-hack", "fonts-noto-color-emoji"]
}

option "fonts.fontconfig.default_fonts" {
  type        = map(list(string))
  default     = {}
  keys        = ["emoji", "monospace", "sans-serif", "serif"]
  description = "Font families in order of preference, for each kind of font."
  example     = { monospace = ["Hack"] }
}

config {
  when     = length(config.fonts.packages) > 0 || length(config.fonts.fontconfig.default_fonts) > 0
  packages = concat(["fontconfig"], config.fonts.packages)
}

locals {
  aliases = [for kind, families in config.fonts.fontconfig.default_fonts : join("\n", concat(
    ["  <alias binding=\"same\">", "    <family>${kind}</family>", "    <prefer>"],
    [for f in families : "      <family>${replace(replace(f, "&", "&amp;"), "<", "&lt;")}</family>"],
    ["    </prefer>", "  </alias>"],
  ))]
}

file "/etc/fonts/conf.d/52-hostctl.conf" {
  when    = length(config.fonts.fontconfig.default_fonts) > 0
  content = <<-EOT
    <?xml version="1.0"?>
    <!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
    <fontconfig>
    ${join("\n", local.aliases)}
    </fontconfig>
  EOT
}
