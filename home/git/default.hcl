# git. Who the user is, is a secret: ~/.gitconfig, which git reads after
# ~/.config/git/config, is one in whole.
secret "psiri_gitconfig" {}

home {
  name = args.user
  programs {
    git {
      enable = true
      settings = {
        color      = { ui = "auto" }
        credential = { helper = "cache" } # "store" would keep passwords in the clear
        init       = { defaultBranch = "main" }
      }
      signing { sign_by_default = true }
    }
  }

  file ".gitconfig" {
    mode    = "0400"
    content = config.secret.psiri_gitconfig.placeholder
  }
}
