package spec

import (
	"path"
	"strings"
)

// HomeFolder is how the folder stands in which an account lives, or will.
type HomeFolder struct {
	Path  string
	Owner string // an account or a number; "" where nothing stands
	Free  bool   // it is root's, and the account may have it
}

// Missing is the Before of a home that does not exist.
const Missing = "missing"

// firstUser is the first uid of people (Debian Policy 9.2.2).
const firstUser = 1000

// KeyFolders are those between a home and the age key in it, which root makes to
// bring the key before there is an account.
func (s Settings) KeyFolders(home string) []string {
	var out []string
	for dir := path.Dir(path.Clean(s.AgeKeyFile)); strings.HasPrefix(dir, home+"/"); dir = path.Dir(dir) {
		out = append(out, dir)
	}
	return out
}

// HomeOf is where the account lives once the spec holds; live is its home so
// far, "" for an account that does not exist.
func (u User) HomeOf(name, live string) string {
	for _, home := range []string{u.Home, live, u.NewHome} {
		if home != "" {
			return home
		}
	}
	return "/home/" + name
}

// Made says whether the account exists because prev asked for it.
func (f Found) Made(name string, prev *Host) bool {
	_, found := f.Users[name]
	return asked(prev.Users, name) && !found
}

// DiffHome says what happens to the folder of an account: one that is missing is
// made, and one that is root's is the account's. That is so for the homes of
// people that the spec names, and of accounts that it makes (made). An account
// that was there and keeps its home keeps the folder as it is, too: of one that
// sshd_config(5) has as ChrootDirectory it has to be root's. A field is called
// "folder" and the path.
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

// Homeless says whether an account is to live in a folder that is, and stays,
// somebody else's.
func Homeless(name string, have *User, want User, folder HomeFolder, made bool) bool {
	return housed(have, want, made) && folder.Owner != "" && folder.Owner != name && !folder.Free
}

func housed(have *User, want User, made bool) bool {
	if want.System || want.Absent || have != nil && have.UID != nil && *have.UID < firstUser {
		return false
	}
	return have == nil || want.Home != "" || made
}
