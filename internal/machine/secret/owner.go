package secret

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// ids are the accounts of a root, by name. The C library's own lookup would
// ask the machine that hostctl runs on.
type ids struct{ users, groups map[string]int }

func readIDs(root system.Root) (ids, error) {
	users, err := idsOf(root, "/etc/passwd")
	if err != nil {
		return ids{}, err
	}
	groups, err := idsOf(root, "/etc/group")
	return ids{users, groups}, err
}

// idsOf reads name and number of passwd(5) or group(5), where both have the
// number in the third field.
func idsOf(root system.Root, path string) (map[string]int, error) {
	out := map[string]int{"root": 0}
	data, err := root.Read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot read accounts: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil {
			out[fields[0]] = id
		}
	}
	return out, nil
}

func (i ids) resolve(owner, group, mode string) (uid, gid int, perm os.FileMode, err error) {
	uid, err = lookup(i.users, owner, "user")
	if err != nil {
		return 0, 0, 0, err
	}
	gid, err = lookup(i.groups, group, "group")
	if err != nil {
		return 0, 0, 0, err
	}
	bits, err := strconv.ParseUint(mode, 8, 32)
	if err != nil || bits > 0o777 {
		return 0, 0, 0, fmt.Errorf("its mode %q is not of the form 0400", mode)
	}
	return uid, gid, os.FileMode(bits), nil
}

func lookup(known map[string]int, name, what string) (int, error) {
	if id, ok := known[name]; ok {
		return id, nil
	}
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	return 0, fmt.Errorf("there is no %s %q on this host", what, name)
}

// names is the reverse; a number without a name stays a number.
func (i ids) names(uid, gid int) (owner, group string) {
	name := func(known map[string]int, id int) string {
		best := strconv.Itoa(id)
		for _, n := range sortedKeys(known) {
			if known[n] == id {
				return n
			}
		}
		return best
	}
	return name(i.users, uid), name(i.groups, gid)
}
