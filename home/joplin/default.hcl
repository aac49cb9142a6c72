# Joplin, whose settings hold the keys of the bucket that it syncs with.
# Debian does not carry the program: with an AppImage of it the settings are
# there. Joplin writes this file as well, and a switch writes it anew.
locals { sync = ["api_token", "path", "region", "url", "username"] }

application "joplin-desktop" {
  function = "Notes"
  missing  = "Debian does not carry it; its settings are written for an AppImage"
}

secret {
  for_each = toset(local.sync)
  name     = "joplin_sync_${each.key}"
  file     = "../../secrets/joplin.yaml"
}

home {
  name = args.user
  file ".config/joplin-desktop/settings.json" {
    mode = "0600"
    content = jsonencode({
      "sync.target"                   = 8
      "sync.8.path"                   = config.secret.joplin_sync_path.placeholder
      "sync.8.url"                    = config.secret.joplin_sync_url.placeholder
      "sync.8.region"                 = config.secret.joplin_sync_region.placeholder
      "sync.8.username"               = config.secret.joplin_sync_username.placeholder
      "sync.8.password"               = config.secret.joplin_sync_api_token.placeholder
      "sync.interval"                 = 600
      "sync.maxConcurrentConnections" = 30
      "theme"                         = 2
      "noteVisiblePanes"              = ["editor", "viewer"]
    })
  }
}
