# The user's folders. ~/.config/user-dirs.conf keeps the updater that runs at
# login from writing user-dirs.dirs anew.
locals {
  folders = {
    DESKTOP     = "Desktop"
    DOCUMENTS   = "Documents"
    DOWNLOAD    = "Downloads"
    MUSIC       = "Music"
    PICTURES    = "Pictures"
    SCREENSHOTS = "Pictures/Screenshots"
    VIDEOS      = "Videos"
  }
}

home {
  name     = args.user
  packages = ["xdg-user-dirs"]

  file {
    for_each  = local.folders
    name      = each.value
    directory = true
  }

  file ".config/user-dirs.dirs" {
    content = keyvalue({ for kind, path in local.folders : "XDG_${kind}_DIR" => "$HOME/${path}" }, { separator = "=", quote = true })
  }

  file ".config/user-dirs.conf" { content = "enabled=False\n" }
}
