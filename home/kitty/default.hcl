# kitty, with seven tabs at its start, six of which keep a history of their own.
locals { p = args.palette }

application "Kitty" { function = "Terminal" }

fonts {
  packages = ["fonts-hack"]
}

home {
  name = args.user
  programs {
    kitty {
      enable = true
      settings = {
        active_tab_background   = "#${local.p["0A"]}"
        active_tab_foreground   = "#${local.p["00"]}"
        background              = "#${local.p["00"]}"
        background_blur         = 1
        background_opacity      = "1.0"
        bold_font               = "auto"
        bold_italic_font        = "auto"
        cursor                  = "#${local.p["05"]}"
        cursor_beam_thickness   = "2.0"
        cursor_blink_interval   = "0.5"
        cursor_shape            = "beam"
        enable_audio_bell       = false
        font_family             = "Hack"
        font_size               = "10.0"
        foreground              = "#${local.p["05"]}"
        inactive_tab_background = "#${local.p["01"]}"
        inactive_tab_foreground = "#${local.p["04"]}"
        italic_font             = "auto"
        scrollback_lines        = 100000
        selection_background    = "#${local.p["02"]}"
        selection_foreground    = "#${local.p["05"]}"
        strip_trailing_spaces   = "smart"
        tab_bar_edge            = "top"
        tab_bar_style           = "powerline"
        url_color               = "#${local.p["0D"]}"
      }
      session = file("./startup.session")
    }
  }
}
