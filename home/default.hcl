# The user's folders. Screenshots is made because grim fails without it.
home {
  name = args.user
  xdg {
    enable = true
    user_dirs {
      enable      = true
      directories = { SCREENSHOTS = "Pictures/Screenshots" }
    }
  }
}
