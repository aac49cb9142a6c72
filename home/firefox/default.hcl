# Firefox: no telemetry and no promotions, tracking protection that cannot be
# turned off, and no extensions but these.
locals {
  extensions = {
    "{446900e4-71c2-419f-a6a7-df9c091e268b}" = "bitwarden-password-manager"
    "addon@darkreader.org"                   = "darkreader"
    "uBlock0@raymondhill.net"                = "ublock-origin"
    "jid1-MnnxcxisBPnSXQ@jetpack"            = "privacy-badger17"
    "{d3e01ff2-9a3a-4007-8f6e-7acd9a5de263}" = "saml-tracer"
  }
  locked = [
    "browser.newtabpage.activity-stream.feeds.section.topstories",
    "browser.newtabpage.activity-stream.feeds.snippets",
    "browser.newtabpage.activity-stream.feeds.topsites",
    "browser.newtabpage.activity-stream.section.highlights.includeBookmarks",
    "browser.newtabpage.activity-stream.section.highlights.includeDownloads",
    "browser.newtabpage.activity-stream.section.highlights.includePocket",
    "browser.newtabpage.activity-stream.section.highlights.includeVisited",
    "browser.newtabpage.activity-stream.showSponsored",
    "browser.newtabpage.activity-stream.showSponsoredTopSites",
    "browser.newtabpage.activity-stream.system.showSponsored",
    "browser.search.suggest.enabled",
    "browser.search.suggest.enabled.private",
    "browser.urlbar.showSearchSuggestionsFirst",
    "browser.urlbar.suggest.searches",
    "extensions.pocket.enabled",
  ]
}

programs {
  firefox {
    enable         = true
    language_packs = ["en-US"]
    policies = {
      CaptivePortal          = false
      DisableFirefoxAccounts = false
      DisableFirefoxStudies  = true
      DisablePasswordReveal  = true
      DisablePocket          = true
      DisableTelemetry       = true
      EnableTrackingProtection = {
        Value          = true
        Locked         = true
        Cryptomining   = true
        Fingerprinting = true
      }
      ExtensionSettings = merge(
        { "*" = { installation_mode = "blocked", blocked_install_message = "The configuration of this host says which extensions there are." } },
        { for id, slug in local.extensions : id => {
          installation_mode = "force_installed"
          install_url       = "https://addons.mozilla.org/firefox/downloads/latest/${slug}/latest.xpi"
        } },
      )
      FirefoxHome = {
        Highlights        = false
        Locked            = true
        Pocket            = false
        Search            = true
        Snippets          = false
        SponsoredPocket   = false
        SponsoredTopSites = false
        TopSites          = false
      }
      NoDefaultBookmarks     = true
      OfferToSaveLogins      = false
      OverrideFirstRunPage   = ""
      OverridePostUpdatePage = ""
      PasswordManagerEnabled = false
      Preferences            = { for name in local.locked : name => { Value = false, Status = "locked" } }
      SSLVersionMin          = "tls1.2"
      SearchBar              = "unified"
      UserMessaging = {
        ExtensionRecommendations = false
        FeatureRecommendations   = false
        MoreFromMozilla          = false
        SkipOnboarding           = true
        UrlbarInterventions      = false
        WhatsNew                 = false
      }
      ExtensionUpdate = true
    }
  }
}

application "Firefox" { function = "Browser" }
