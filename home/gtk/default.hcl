# GTK in the colours of the palette. The original compiles a theme of them;
# here they are named colours over Adwaita's dark variant.
locals { p = args.palette }

home {
  name     = args.user
  packages = ["adwaita-icon-theme", "gnome-themes-extra", "gsettings-desktop-schemas"]

  gtk {
    enable      = true
    theme       = "Adwaita-dark"
    prefer_dark = true
    colors = {
      accent_bg_color         = "#${local.p["0A"]}"
      accent_color            = "#${local.p["0A"]}"
      accent_fg_color         = "#${local.p["00"]}"
      card_bg_color           = "#${local.p["02"]}"
      destructive_bg_color    = "#${local.p["0F"]}"
      destructive_color       = "#${local.p["0F"]}"
      dialog_bg_color         = "#${local.p["01"]}"
      error_color             = "#${local.p["0F"]}"
      headerbar_bg_color      = "#${local.p["01"]}"
      headerbar_fg_color      = "#${local.p["05"]}"
      popover_bg_color        = "#${local.p["01"]}"
      sidebar_bg_color        = "#${local.p["01"]}"
      success_color           = "#${local.p["0B"]}"
      theme_base_color        = "#${local.p["00"]}"
      theme_bg_color          = "#${local.p["00"]}"
      theme_fg_color          = "#${local.p["05"]}"
      theme_selected_bg_color = "#${local.p["0A"]}"
      theme_selected_fg_color = "#${local.p["00"]}"
      theme_text_color        = "#${local.p["05"]}"
      view_bg_color           = "#${local.p["00"]}"
      view_fg_color           = "#${local.p["05"]}"
      window_bg_color         = "#${local.p["00"]}"
      window_fg_color         = "#${local.p["05"]}"
    }
    extra_css = file("./gtk3.css")
  }

  dconf {
    settings = {
      "org/gnome/desktop/interface" = { color-scheme = "prefer-dark", gtk-theme = "Adwaita-dark" }
    }
  }
}
