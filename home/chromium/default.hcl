# Chromium. Nine policies of the original bore names that the browser does
# not know, among them the one that blocks all extensions: these are right.
imports = ["./policies.hcl"]

programs {
  chromium {
    enable = true
    extensions = [
      "cjpalhdlnbpafiamejdnhcphjbkeiagm", # uBlock Origin
      "nngceckbapebfimnlniiiahkandclblb", # Bitwarden
      "eimadpbcbfnmbkopoojfekhnkhdbieeh", # Dark Reader
      "ponfpcnoihfmfllpaingbgckeeldkhle", # Enhancer for YouTube
    ]
  }
}

application "Chromium" { function = "Browser" }
