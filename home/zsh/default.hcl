# zsh: completion, suggestions, colours, a history that sessions share, or one
# for each tab of kitty that asks for its own.
programs {
  zsh {
    enable = true
    autosuggestions { enable = true }
    syntax_highlighting {
      enable       = true
      highlighters = ["main", "brackets", "pattern", "cursor", "root"]
      styles       = { globbing = "none" }
    }
    interactive_shell_init = file("./keys.zsh")
  }
}

application "zsh" { function = "Shell" }

home {
  name = args.user
  programs {
    zsh {
      enable       = true
      init_content = file("./zshrc")
      # In the user's own login file, not in that of every zsh there is:
      # root's shells and scripts start no compositor.
      login_extra = config.programs.hyprland.enable ? file("./zlogin") : null
      history { size = 50000 }
    }
  }
}
