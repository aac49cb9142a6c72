package eval

import "testing"

// The names that a locale may have (locale(7)): what each one generates, and which
// ones are invalid.
func TestLocales(t *testing.T) {
	const gen = `file["/etc/locale.gen"].content`
	for _, c := range []evalCase{
		{name: "C", files: "i18n { default_locale = \"C\" }\n", option: gen, want: `"\n"`},
		{name: "POSIX", files: "i18n { default_locale = \"POSIX\" }\n", option: gen, want: `"\n"`},
		{name: "C.UTF-8", files: "i18n { default_locale = \"C.UTF-8\" }\n", option: gen, want: `"C.UTF-8 UTF-8\n"`},
		{name: "modifiers", option: gen, want: `"de_DE@euro ISO-8859-15\nen_US.UTF-8 UTF-8\nsr_RS.UTF-8@latin UTF-8\nsr_RS@latin UTF-8\n"`, files: `
i18n {
  default_locale = "de_DE@euro"
  extra_locale_settings = {
    LC_TIME     = "sr_RS@latin"
    LC_PAPER    = "sr_RS.UTF-8@latin"
    LC_MESSAGES = "en_US.UTF-8"
    LC_COLLATE  = "C"
    LANGUAGE    = "de:en"
  }
}`},
		{name: "no character set", files: "i18n { default_locale = \"de_DE\" }\n", errs: []string{"h.hcl:1,8-32: Invalid value; i18n.default_locale: de_DE has no character set: write de_DE.UTF-8."}},
		{name: "no character set in a setting", errs: []string{"LC_TIME = de_DE has no character set: write de_DE.UTF-8."}, files: `
i18n {
  default_locale        = "C"
  extra_locale_settings = { LC_TIME = "de_DE" }
}`},
		{name: "another architecture", files: "packages = [\n  \"git\",\n  \"libc6:i386\",\n]\n", errs: []string{`h.hcl:3,3-15: Assertion "own_architecture" failed; libc6:i386: packages.lock holds packages of one architecture`}},
	} {
		t.Run(c.name, c.run)
	}
}
