package account

import "strconv"

// Names translates between account names and ids of one root. It never uses the
// running machine's names: a stage may have accounts that exist nowhere else.
type Names struct {
	users, groups       map[string]int
	userNames, grpNames map[int]string
}

// Names indexes the database in both directions. If several names share an id, the
// first in byte order represents it.
func (f Files) Names() Names {
	n := Names{map[string]int{}, map[string]int{}, map[int]string{}, map[int]string{}}
	for name, u := range f.Users() {
		n.users[name] = u.UID
		if old, taken := n.userNames[u.UID]; !taken || name < old {
			n.userNames[u.UID] = name
		}
	}
	for name, g := range f.Groups() {
		n.groups[name] = g.GID
		if old, taken := n.grpNames[g.GID]; !taken || name < old {
			n.grpNames[g.GID] = name
		}
	}
	return n
}

// UID is the id of a user, which may be written as a number.
func (n Names) UID(name string) (int, bool) { return id(n.users, name) }

// GID is the id of a group, which may be written as a number.
func (n Names) GID(name string) (int, bool) { return id(n.groups, name) }

// User is the name of a uid, or its number where it has no name.
func (n Names) User(uid int) string { return label(n.userNames, uid) }

// Group is the name of a gid, or its number where it has no name.
func (n Names) Group(gid int) string { return label(n.grpNames, gid) }

func id(ids map[string]int, name string) (int, bool) {
	if id, ok := ids[name]; ok {
		return id, true
	}
	id, err := strconv.Atoi(name)
	return id, err == nil && id >= 0
}

func label(names map[int]string, id int) string {
	if name, ok := names[id]; ok {
		return name
	}
	return strconv.Itoa(id)
}
