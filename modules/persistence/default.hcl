# The root forgets at each boot; this is what stays, and lies on /persist.
boot { rollback_root = true }

secrets { age_key_file = "/persist/var/lib/hostctl/age.key" }

persistence "/persist" {
  directories = [
    "/etc/NetworkManager/system-connections",
    "/var/lib/AccountsService",
    "/var/lib/NetworkManager",
    "/var/lib/bluetooth",
    "/var/lib/docker",
    "/var/lib/fprint",
    "/var/lib/fwupd",
    "/var/lib/libvirt",
    "/var/lib/swtpm",
    "/var/lib/swtpm-localca",
    "/var/lib/systemd",
    "/var/log",
  ]
  files = ["/etc/machine-id"]

  user {
    name = args.user
    directories = [
      ".cache", ".config", ".gnupg", ".local/share/remmina", ".local/share/ulauncher", ".local/state/wireplumber",
      ".mozilla", ".okta", ".pki", ".ssh", ".terraform.d", ".vandyke", ".vscode-oss", ".zoom", ".zsh",
      "Desktop", "Documents", "Downloads", "JoplinBackup", "Music", "Pictures", "SecureCRT Logs", "Videos",
    ]
    files = [".bash_history", ".zsh_history"]
  }
}

# A file that is bound from elsewhere cannot be replaced, only written.
programs {
  zsh { interactive_shell_init = "setopt no_hist_save_by_copy\n" }
}
