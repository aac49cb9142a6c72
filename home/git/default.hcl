# git. Who the user is, is a secret: ~/.gitconfig, which git reads after
# ~/.config/git/config, is one in whole.
secret "psiri_gitconfig" {}

programs {
  git { enable = true }
}

home {
  name = args.user

  file ".config/git/config" {
    content = ini({
      color      = { ui = "auto" }
      commit     = { gpgSign = true }
      credential = { helper = "cache" } # "store" would keep passwords in the clear
      init       = { defaultBranch = "main" }
      tag        = { gpgSign = true }
    }, { separator = " = " })
  }

  file ".gitconfig" {
    mode    = "0400"
    content = config.secret.psiri_gitconfig.placeholder
  }
}
