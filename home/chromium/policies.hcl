# What is on, what is off, and what has a value.
programs {
  chromium {
    policies = {
      AdvancedProtectionAllowed        = true
      AllowDeletingBrowserHistory      = true
      AlternateErrorPagesEnabled       = true
      AudioSandboxEnabled              = true
      BackgroundModeEnabled            = true
      BlockExternalExtensions          = true
      BlockThirdPartyCookies           = true
      BookmarkBarEnabled               = true
      BrowserNetworkTimeQueriesEnabled = true
      BuiltInDnsClientEnabled          = true
      ComponentUpdatesEnabled          = true
      DNSInterceptionChecksEnabled     = true
      DefaultSearchProviderEnabled     = true
      EditBookmarksEnabled             = true
      EncryptedClientHelloEnabled      = true
      HardwareAccelerationModeEnabled  = true
      HttpsUpgradesEnabled             = true
      PasswordLeakDetectionEnabled     = true
      DisableSafeBrowsingProceedAnyway = true
      PrintingEnabled                  = true
      PromptForDownloadLocation        = true
      QuicAllowed                      = true
      ShowFullUrlsInAddressBar         = true
      SitePerProcess                   = true
      SpellcheckEnabled                = true

      AutofillAddressEnabled                  = false
      AutofillCreditCardEnabled               = false
      BrowserAddPersonEnabled                 = false
      BrowserGuestModeEnabled                 = false
      BrowserLabsEnabled                      = false
      DomainReliabilityAllowed                = false
      CloudReportingEnabled                   = false
      DesktopSharingHubEnabled                = false
      EnableMediaRouter                       = false
      FeedbackSurveysEnabled                  = false
      ImportAutofillFormData                  = false
      ImportBookmarks                         = false
      ImportHistory                           = false
      ImportHomepage                          = false
      ImportSavedPasswords                    = false
      ImportSearchEngine                      = false
      LensRegionSearchEnabled                 = false
      LiveTranslateEnabled                    = false
      MediaRecommendationsEnabled             = false
      MetricsReportingEnabled                 = false
      PasswordManagerEnabled                  = false
      PaymentMethodQueryEnabled               = false
      PrivacySandboxAdMeasurementEnabled      = false
      PrivacySandboxAdTopicsEnabled           = false
      PrivacySandboxPromptEnabled             = false
      PrivacySandboxSiteEnabledAdsEnabled     = false
      PromotionsEnabled                       = false
      RemoteDebuggingAllowed                  = false
      SafeBrowsingSurveysEnabled              = false
      SearchSuggestEnabled                    = false
      WebRtcEventLogCollectionAllowed         = false
      WebRtcTextLogCollectionAllowed          = false
      ShoppingListEnabled                     = false
      UrlKeyedAnonymizedDataCollectionEnabled = false

      AdsSettingForIntrusiveAdsSites = 2
      BrowserSignin                  = 1
      ClearBrowsingDataOnExitList = [
        "browsing_history", "download_history", "cookies_and_other_site_data", "cached_images_and_files",
        "password_signin", "autofill", "site_settings", "hosted_app_data",
      ]
      # Multi-factor sign-in at Okta fails without its cookies.
      CookiesAllowedForUrls           = ["https://[*.]okta.com", "https://[*.]oktacdn.com"]
      DefaultCookiesSetting           = 1
      DefaultGeolocationSetting       = 2
      DefaultInsecureContentSetting   = 2
      DefaultLocalFontsSetting        = 2
      DefaultNotificationsSetting     = 2
      DefaultPopupsSetting            = 2
      DefaultSearchProviderName       = "Google"
      DefaultSearchProviderSearchURL  = "https://www.google.com/search?q={searchTerms}"
      DefaultSensorsSetting           = 2
      DefaultSerialGuardSetting       = 2
      DefaultWebBluetoothGuardSetting = 2
      DefaultWebHidGuardSetting       = 2
      DefaultWebUsbGuardSetting       = 2
      DnsOverHttpsMode                = "automatic"
      DownloadRestrictions            = 4
      ExtensionInstallAllowlist = [
        "cjpalhdlnbpafiamejdnhcphjbkeiagm", # uBlock Origin
        "nngceckbapebfimnlniiiahkandclblb", # Bitwarden
        "eimadpbcbfnmbkopoojfekhnkhdbieeh", # Dark Reader
        "ponfpcnoihfmfllpaingbgckeeldkhle", # Enhancer for YouTube
        "mpbjkejclgfgadiemmefgebjfooflfhl", # Buster
        "pkehgijcmpdhfbdbbnkijodmdjhbjlgp", # Privacy Badger
        "mpdajninpobndbfcldcmbpnnbhibjmch", # SAML tracer
      ]
      ExtensionInstallBlocklist = ["*"]
      HomepageLocation          = "https://www.debian.org/"
      HttpsOnlyMode             = "allowed"
      IdleTimeout               = 30
      IdleTimeoutActions = [
        "clear_browsing_history", "clear_download_history", "clear_cookies_and_other_site_data", "clear_cached_images_and_files",
        "clear_password_signin", "clear_autofill",
      ]
      IncognitoModeAvailability   = 0
      NetworkPredictionOptions    = 2
      RestoreOnStartup            = 5
      SafeBrowsingProtectionLevel = 1
      SyncTypesListDisabled       = ["passwords"]
    }
  }
}
