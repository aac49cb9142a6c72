# Locales: which ones to generate, and which one to use.

option "i18n.default_locale" {
  type        = optional(string)
  description = "The default locale: LANG (locale(7))."
  example     = "en_US.UTF-8"
  validation {
    condition     = can(regex("^(C|POSIX|.*[.][^@]+.*|.*@.+)$", value)) || contains(local.known, value) && !contains(local.known, "${value}.UTF-8")
    error_message = "${value} has no character set: write ${value}.UTF-8."
  }
}

option "i18n.extra_locale_settings" {
  type        = map(string)
  default     = {}
  description = "LC_* variables that differ from the default locale."
  example     = { LC_TIME = "en_DK.UTF-8" }
  validation {
    condition     = alltrue([for name, locale in value : name == "LANGUAGE" || can(regex("^(C|POSIX|.*[.][^@]+.*|.*@.+)$", locale)) || contains(local.known, locale) && !contains(local.known, "${locale}.UTF-8")])
    error_message = join(" ", [for name, locale in value : "${name} = ${locale} has no character set: write ${locale}.UTF-8." if name != "LANGUAGE" && !can(regex("^(C|POSIX|.*[.][^@]+.*|.*@.+)$", locale)) && !(contains(local.known, locale) && !contains(local.known, "${locale}.UTF-8"))])
  }
}

locals {
  known = concat(["C", "POSIX"], split("\n", trimspace(file("./system/locales.txt"))))

  # LANGUAGE is a list of languages, not a locale; C and POSIX always exist.
  used = setsubtract(
    concat([config.i18n.default_locale], [for name, locale in config.i18n.extra_locale_settings : locale if name != "LANGUAGE"]),
    ["C", "POSIX"],
  )

  # The character set of a locale is the part after its dot. Among those that have
  # a modifier and no dot, only @euro is not UTF-8 (/usr/share/i18n/SUPPORTED).
  made = sort([
    for locale in local.used :
    "${locale} ${strcontains(locale, ".") ? regex("[.]([^@]+)", locale)[0] : endswith(locale, "@euro") ? "ISO-8859-15" : "UTF-8"}"
  ])
}

# locale-gen can also combine a language it has with another character set, so a
# name that is missing from glibc's list may still be right.
warn "Unknown locale" {
  when      = config.i18n.default_locale != null
  condition = contains(local.known, replace(config.i18n.default_locale, "/[.][^@]+@/", "@")) || contains(local.known, trimsuffix(config.i18n.default_locale, ".UTF-8"))
  message   = "glibc's list has no locale ${config.i18n.default_locale}.${did_you_mean(config.i18n.default_locale, local.known)} /usr/share/i18n/SUPPORTED lists them all."
}

warn "Unknown locale of a category" {
  for_each  = { for name, locale in config.i18n.extra_locale_settings : name => locale if name != "LANGUAGE" }
  condition = contains(local.known, replace(config.i18n.extra_locale_settings[each.key], "/[.][^@]+@/", "@")) || contains(local.known, trimsuffix(each.value, ".UTF-8"))
  message   = "${each.key}: glibc's list has no locale ${each.value}.${did_you_mean(each.value, local.known)} /usr/share/i18n/SUPPORTED lists them all."
}

config {
  when     = config.i18n.default_locale != null
  packages = ["locales"]

  # locale-gen checks this file, and generates the locales in the transaction that
  # writes it. It exits with 0 even for a locale that does not exist.
  file "/etc/locale.gen" {
    content = "${join("\n", local.made)}\n"
    check   = ["sh", "-c", "! locale-gen 2>&1 | grep -F '[error]'"]
  }

  file "/etc/locale.conf" {
    content = keyvalue(merge(config.i18n.extra_locale_settings, { LANG = config.i18n.default_locale }), { separator = "=" })
  }
}
