package account

import "testing"

func TestLogins(t *testing.T) {
	f := Files{
		Passwd: []byte("root:x:0:0::/:\nold:$1$hash:5:5::/:\nopen::6:6::/:\nann:x:7:7::/:\nann:x:8:8::/:\nlost:x:9:9::/:\nkey:x:10:10::/:\ndrawn:x:11:11::/:\n"),
		Shadow: []byte("root::1:0:::::\nold:*:1:0:::::\nann:!$y$hash:1:0::::20000:\nkey:!:1:0:::::\ndrawn:$y$hash:1:0:::::\nnobody-has-it:$y$hash:1:0:::::\n"),
		Group:  []byte("sudo:x:27:\nadm:x:4:\ngames::60:\n"), GShadow: []byte("sudo:!:ann:\nadm:$y$hash::\n"),
	}
	users, groups := f.Logins(), f.GroupLogins()
	for name, want := range map[string]Login{
		"root": {Password: EmptyPassword}, "old": {Password: SetPassword}, "open": {Password: EmptyPassword}, "ann": {Password: LockedPassword, Expires: "20000"},
		"lost": {Password: NoPassword}, "key": {Password: NoPassword}, "drawn": {Password: SetPassword},
	} {
		if users[name] != want {
			t.Errorf("%s is %+v, not %+v", name, users[name], want)
		}
	}
	if len(users) != 7 {
		t.Errorf("there are %v", users)
	}
	if groups["sudo"] != (Login{Password: NoPassword, Administrators: "ann"}) || groups["adm"].Password != SetPassword || groups["games"].Password != EmptyPassword {
		t.Errorf("groups are %+v", groups)
	}
}
