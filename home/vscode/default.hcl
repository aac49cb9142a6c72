# VSCodium. Debian does not carry it: settings.json is written, and holds for
# a codium that comes from elsewhere. So do none of the original's twelve
# extensions come along.
imports = ["./settings.hcl", "./colors.hcl"]

application "Codium (VS Code OSS)" {
  function = "IDE"
  missing  = "Debian does not carry it, only a repository of its makers does; its settings are written"
}

home {
  name = args.user
  programs {
    vscode { enable = true }
  }
}
