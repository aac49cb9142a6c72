# zsh: completion, suggestions, colours, and a history that sessions share.
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

home {
  name = args.user
  file ".zshrc" { source = "./zshrc" }
}
