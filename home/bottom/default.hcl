# bottom, whose package and program are called btm.
home {
  name     = args.user
  packages = ["btm"]

  file ".config/bottom/bottom.toml" {
    content = toml({
      flags = {
        temperature_type = "celsius"
        group_processes  = true
        dot_marker       = true
        rate             = "1s"
      }
    })
  }
}
