package account

import "strings"

// Login is the state of an account's, or a group's, password; never the hash.
type Login struct {
	Password string `json:"password"`
	// Expires is the day since 1970 from which an account is closed, "" for
	// never (shadow(5)).
	Expires string `json:"expires,omitempty"`
	// Administrators may change who is in a group (gshadow(5)).
	Administrators string `json:"administrators,omitempty"`
}

// The states of a password.
const (
	NoPassword     = "none"   // no password is right
	LockedPassword = "locked" // it is after a "!", and unlocking restores it
	EmptyPassword  = "empty"  // no password is needed
	SetPassword    = "set"
)

// Logins are the accounts of passwd(5), with their state in shadow(5).
func (f Files) Logins() map[string]Login {
	out := map[string]Login{}
	for _, e := range entries(f[Passwd], 7) {
		if _, twice := out[e[0]]; !twice {
			out[e[0]] = Login{Password: passwordState(e[1])}
		}
	}
	for _, e := range entries(f[Shadow], 9) {
		// Only "x" says that shadow(5) counts.
		if l, known := out[e[0]]; known && l.Password == inShadow {
			out[e[0]] = Login{Password: passwordState(e[1]), Expires: e[7]}
		}
	}
	return closed(out)
}

// GroupLogins are the groups of group(5), with their state in gshadow(5).
func (f Files) GroupLogins() map[string]Login {
	out := map[string]Login{}
	for _, e := range entries(f[Group], 4) {
		if _, twice := out[e[0]]; !twice {
			out[e[0]] = Login{Password: passwordState(e[1])}
		}
	}
	for _, e := range entries(f[GShadow], 4) {
		if l, known := out[e[0]]; known && l.Password == inShadow {
			out[e[0]] = Login{Password: passwordState(e[1]), Administrators: e[2]}
		}
	}
	return closed(out)
}

const inShadow = "x"

// closed are the logins of entries that lack their entry in the other file, and so
// let nobody in.
func closed(logins map[string]Login) map[string]Login {
	for name, l := range logins {
		if l.Password == inShadow {
			logins[name] = Login{Password: NoPassword}
		}
	}
	return logins
}

func passwordState(field string) string {
	hash := strings.TrimLeft(field, "!")
	switch {
	case field == "":
		return EmptyPassword
	case field == inShadow:
		return inShadow
	case hash == "" || strings.HasPrefix(hash, "*"):
		return NoPassword
	case hash != field:
		return LockedPassword
	}
	return SetPassword
}
