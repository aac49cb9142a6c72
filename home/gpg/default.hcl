# GnuPG: passphrases are asked for in the terminal and kept for 5 days.
programs {
  gnupg {
    agent {
      enable           = true
      pinentry_package = "pinentry-tty"
    }
  }
}

home {
  name = args.user

  file ".gnupg" {
    directory = true
    mode      = "0700"
  }

  file ".gnupg/gpg-agent.conf" {
    mode    = "0600"
    content = <<-EOT
      pinentry-program /usr/bin/pinentry-tty
      default-cache-ttl 460000
      max-cache-ttl 460000
      allow-preset-passphrase
    EOT
  }
}
