# The colours of the palette over the theme Dark Modern.
locals {
  p = { for n, color in args.palette : n => "#${color}" }
  tokens = {
    comment                = local.p["04"]
    constant               = local.p["09"]
    "entity.name.function" = local.p["0D"]
    "entity.name.tag"      = local.p["0F"]
    "entity.name.type"     = local.p["0A"]
    keyword                = local.p["0E"]
    "punctuation"          = local.p["05"]
    "storage.type"         = local.p["0E"]
    string                 = local.p["0B"]
    "support.function"     = local.p["0C"]
    variable               = local.p["08"]
  }
}

home {
  name = args.user
  programs {
    vscode {
      settings = {
        "workbench.colorCustomizations" = {
          "activityBar.background"         = local.p["01"]
          "activityBar.foreground"         = local.p["05"]
          "editor.background"              = local.p["00"]
          "editor.foreground"              = local.p["05"]
          "editor.lineHighlightBackground" = local.p["01"]
          "editor.selectionBackground"     = local.p["03"]
          "editorCursor.foreground"        = local.p["0A"]
          "editorLineNumber.foreground"    = local.p["03"]
          "panel.background"               = local.p["01"]
          "sideBar.background"             = local.p["01"]
          "sideBar.foreground"             = local.p["05"]
          "statusBar.background"           = local.p["01"]
          "statusBar.foreground"           = local.p["05"]
          "tab.activeBackground"           = local.p["02"]
          "tab.inactiveBackground"         = local.p["01"]
          "terminal.background"            = local.p["00"]
          "terminal.foreground"            = local.p["05"]
          "titleBar.activeBackground"      = local.p["01"]
        }
        "editor.tokenColorCustomizations" = {
          textMateRules = [for scope, color in local.tokens : { scope = scope, settings = { foreground = color } }]
        }
      }
    }
  }
}
