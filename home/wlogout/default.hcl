# The menu that ends a session. There is no hibernation in it: the hardening
# module forbids it.
programs {
  wlogout { enable = true }
}

application "wlogout" { function = "Session Management" }

home {
  name = args.user
  file ".config/wlogout/layout" { source = "./layout" }
  file ".config/wlogout/style.css" {
    content = substitute(file("./style.css"), { for n in ["00", "02", "05", "0A"] : "base${n}" => args.palette[n] })
  }
}
