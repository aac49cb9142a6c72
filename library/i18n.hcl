# Locales: which are made, and which one is used.

option "i18n.default_locale" {
  type        = optional(string)
  description = "The locale of everything that asks for none: LANG (locale(7))."
  example     = "en_US.UTF-8"
}

option "i18n.extra_locale_settings" {
  type        = map(string)
  default     = {}
  description = "LC_* variables that are to differ from the default locale."
  example     = { LC_TIME = "en_DK.UTF-8" }
}

locals {
  # The character set of a locale is the part behind its dot.
  used = distinct(concat([config.i18n.default_locale], values(config.i18n.extra_locale_settings)))
  made = sort([for locale in local.used : "${locale} ${split(".", locale)[1]}"])
}

config {
  when     = config.i18n.default_locale != null
  packages = ["locales"]

  # locale-gen judges this file, and makes the locales in the same transaction
  # that brings it. It exits with 0 for a locale that there is not.
  file "/etc/locale.gen" {
    content = "${join("\n", local.made)}\n"
    check   = ["sh", "-c", "! locale-gen 2>&1 | grep -F '[error]'"]
  }

  file "/etc/locale.conf" {
    content = keyvalue(merge(config.i18n.extra_locale_settings, { LANG = config.i18n.default_locale }), { separator = "=" })
  }
}
