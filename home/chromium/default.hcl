# Chromium. Nine policies of the original bore names that the browser does
# not know, among them the one that blocks all extensions: these are right.
programs {
  chromium {
    enable = true
    extensions = [
      "cjpalhdlnbpafiamejdnhcphjbkeiagm", # uBlock Origin
      "nngceckbapebfimnlniiiahkandclblb", # Bitwarden
      "eimadpbcbfnmbkopoojfekhnkhdbieeh", # Dark Reader
      "ponfpcnoihfmfllpaingbgckeeldkhle", # Enhancer for YouTube
    ]
    policies = merge(
      { for name in local.on : name => true },
      { for name in local.off : name => false },
      local.values,
    )
  }
}

application "Chromium" { function = "Browser" }

locals {
  on = [
    "AdvancedProtectionAllowed", "AllowDeletingBrowserHistory", "AlternateErrorPagesEnabled", "AudioSandboxEnabled",
    "BackgroundModeEnabled", "BlockExternalExtensions", "BlockThirdPartyCookies", "BookmarkBarEnabled", "BrowserNetworkTimeQueriesEnabled",
    "BuiltInDnsClientEnabled", "ComponentUpdatesEnabled", "DNSInterceptionChecksEnabled", "DefaultSearchProviderEnabled",
    "EditBookmarksEnabled", "EncryptedClientHelloEnabled", "HardwareAccelerationModeEnabled", "HttpsUpgradesEnabled",
    "PasswordLeakDetectionEnabled", "DisableSafeBrowsingProceedAnyway", "PrintingEnabled", "PromptForDownloadLocation", "QuicAllowed", "ShowFullUrlsInAddressBar",
    "SitePerProcess", "SpellcheckEnabled",
  ]
  off = [
    "AutofillAddressEnabled", "AutofillCreditCardEnabled", "BrowserAddPersonEnabled", "BrowserGuestModeEnabled", "BrowserLabsEnabled",
    "DomainReliabilityAllowed", "CloudReportingEnabled", "DesktopSharingHubEnabled", "EnableMediaRouter",
    "FeedbackSurveysEnabled", "ImportAutofillFormData", "ImportBookmarks", "ImportHistory", "ImportHomepage", "ImportSavedPasswords",
    "ImportSearchEngine", "LensRegionSearchEnabled", "LiveTranslateEnabled", "MediaRecommendationsEnabled", "MetricsReportingEnabled",
    "PasswordManagerEnabled", "PaymentMethodQueryEnabled", "PrivacySandboxAdMeasurementEnabled", "PrivacySandboxAdTopicsEnabled",
    "PrivacySandboxPromptEnabled", "PrivacySandboxSiteEnabledAdsEnabled", "PromotionsEnabled", "RemoteDebuggingAllowed",
    "SafeBrowsingSurveysEnabled", "SearchSuggestEnabled", "WebRtcEventLogCollectionAllowed", "WebRtcTextLogCollectionAllowed", "ShoppingListEnabled",
    "UrlKeyedAnonymizedDataCollectionEnabled",
  ]
  values = {
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
