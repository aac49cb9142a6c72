package spec

import (
	"path"
	"strings"
)

// HomeFolder is the state of an account's present or future home folder.
type HomeFolder struct {
	Path  string
	Owner string // an account or a number; "" if nothing exists
	Free  bool   // root owns it, and the account may get it
}

// Missing is the Before of a home that does not exist.
const Missing = "missing"

// firstUser is the first uid of people (Debian Policy 9.2.2).
const firstUser = 1000

// KeyFolders are those between a home and the age key in it. Root creates them to
// place the key before the account exists.
func (s Settings) KeyFolders(home string) []string {
	var out []string
	for dir := path.Dir(path.Clean(s.AgeKeyFile)); strings.HasPrefix(dir, home+"/"); dir = path.Dir(dir) {
		out = append(out, dir)
	}
	return out
}

// HomeOf is the account's home once the spec is applied. live is its present home,
// "" for an account that does not exist.
func (u User) HomeOf(name, live string) string {
	for _, home := range []string{u.Home, live, u.NewHome} {
		if home != "" {
			return home
		}
	}
	return "/home/" + name
}

// Made reports whether the account exists because prev asked for it.
func (f Found) Made(name string, prev *Host) bool {
	_, found := f.Users[name]
	return asked(prev.Users, name) && !found
}

// DiffHome says what happens to the folder of an account: a missing one is created,
// and one that root owns becomes the account's. That applies to homes of people
// that the spec names, and of accounts that it creates (made). An existing account
// that keeps its home also keeps the folder as it is: a ChrootDirectory of
// sshd_config(5), for example, must belong to root. A field is called "folder" plus
// the path.
func DiffHome(name string, have *User, want User, folder HomeFolder, made bool) []Field {
	if !housed(have, want, made) || folder.Path == "" { // nobody has looked
		return nil
	}
	switch {
	case folder.Owner == "" && have != nil:
		return []Field{{"folder" + folder.Path, Missing, name}}
	case folder.Owner == "root" && folder.Free && (have == nil || made || have.Home != folder.Path):
		return []Field{{"folder" + folder.Path, "root", name}}
	}
	return nil
}

// Homeless reports whether an account's home is a folder that somebody else owns
// and keeps.
func Homeless(name string, have *User, want User, folder HomeFolder, made bool) bool {
	return housed(have, want, made) && folder.Owner != "" && folder.Owner != name && !folder.Free
}

func housed(have *User, want User, made bool) bool {
	if want.System || want.Absent || have != nil && have.UID != nil && *have.UID < firstUser {
		return false
	}
	return have == nil || want.Home != "" || made
}
