# bottom, whose package and program are called btm.
application "bottom" { function = "System Monitor" }

home {
  name     = args.user
  packages = ["btm"]

  file ".config/bottom/bottom.toml" {
    content = toml({
      flags = {
        average_cpu_row         = true
        dot_marker              = true
        group_processes         = true
        hide_table_gap          = true
        process_memory_as_value = true
        rate                    = "1s"
        temperature_type        = "celsius"
      }
    })
  }
}
