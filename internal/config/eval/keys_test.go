package eval

import (
	"strings"
	"testing"
)

// keys names what a map may hold; each key that it does not name is an error
// where it is written, with the nearest name.
func TestKeysOfAMap(t *testing.T) {
	for _, c := range []evalCase{
		{name: "a known key", option: "shop.prices", want: `{"apple":1}`, files: `
option "shop.prices" {
  type = map(any)
  keys = ["apple", "pear"]
}
shop { prices = { apple = 1 } }`},
		{name: "an unknown key", errs: []string{`shop.prices has no key "aple". Did you mean "apple"?`}, files: `
option "shop.prices" {
  type = map(any)
  keys = ["apple", "pear"]
}
shop { prices = { aple = 1 } }`},
		{name: "keys that are no list", errs: []string{"keys of option shop.prices takes a list of strings"}, files: `
option "shop.prices" {
  type = map(any)
  keys = "apple"
}
shop { prices = { apple = 1 } }`},
		{name: "dotted joins nested names", option: "my.text", want: `"{\"[go]\":{\"editor.tabSize\":4},\"editor.fontSize\":11,\"files.associations\":{\"a.b\":\"c\"}}"`, files: `
option "my.text" { type = string }
my { text = jsonencode(dotted({ editor = { fontSize = 11 }, "files.associations" = { "a.b" = "c" }, "[go]" = { editor = { tabSize = 4 } } })) }`},
		{name: "dotted refuses a name twice", errs: []string{"a.b is set twice"}, files: `
option "my.text" { type = string }
my { text = jsonencode(dotted({ a = { b = 1 }, "a.b" = 2 })) }`},
	} {
		t.Run(c.name, c.run)
	}
}

// The names that the reference configuration once misspelt, which the
// browsers and kitty pass over in silence.
func TestNamesOfPrograms(t *testing.T) {
	_, diags := evalDir(t, writeFlake(t, `
programs {
  chromium {
    policies = {
      ExtensionBlocklist            = ["*"]
      DefautCookiesSetting          = 1
      ExtensionInstallForceList     = []
      RestoreOnStartupUrls          = []
      ImportAutoFillFormData        = false
      AdsSettingForIntrusiceAdsSites = 2
      AllowScreenLoack              = true
      DriveFileSncAvailable         = false
      BrowserSignIn                 = 1
      BrowserSignin                 = 1
      DriveDisabled                 = true
    }
    extra_policies = { BraveRewardsDisabled = true }
    enable         = true
  }
  firefox {
    policies = { DisableTelemtry = true }
  }
}
user "u" {}
home "u" {
  programs {
    kitty {
      enable   = true
      settings = { extraConfig = "map ctrl+t new_tab" }
    }
  }
}`))
	var said strings.Builder
	for _, d := range diags {
		said.WriteString(d.Summary + ": " + d.Detail + "\n")
	}
	for wrong, right := range map[string]string{
		"ExtensionBlocklist": "ExtensionInstallBlocklist", "DefautCookiesSetting": "DefaultCookiesSetting",
		"ExtensionInstallForceList": "ExtensionInstallForcelist", "RestoreOnStartupUrls": "RestoreOnStartupURLs",
		"ImportAutoFillFormData": "ImportAutofillFormData", "AdsSettingForIntrusiceAdsSites": "AdsSettingForIntrusiveAdsSites",
		"AllowScreenLoack": "AllowScreenLock", "DriveFileSncAvailable": "DriveFileSyncAvailable",
		"BrowserSignIn": "BrowserSignin", "DisableTelemtry": "DisableTelemetry",
	} {
		if want := `has no key "` + wrong + `". Did you mean "` + right + `"?`; !strings.Contains(said.String(), want) {
			t.Errorf("no error says %s in\n%s", want, said.String())
		}
	}
	if !strings.Contains(said.String(), `home.u.programs.kitty.settings has no key "extraConfig"`) {
		t.Errorf("extraConfig of kitty passes:\n%s", said.String())
	}
}
