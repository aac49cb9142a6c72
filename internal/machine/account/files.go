// Package account knows the account database: passwd(5), group(5), shadow(5),
// gshadow(5), subuid(5) and subgid(5). It reads and rewrites these files entry by
// entry and field by field; all other lines and bytes stay as they are. It runs no
// program: package kind calls the shadow tools.
package account

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// The files of the account database.
const (
	Passwd  = "/etc/passwd"
	Group   = "/etc/group"
	Shadow  = "/etc/shadow"
	GShadow = "/etc/gshadow"
	SubUID  = "/etc/subuid"
	SubGID  = "/etc/subgid"
)

// Paths lists the files of the account database in a fixed order.
func Paths() []string { return []string{Passwd, Group, Shadow, GShadow, SubUID, SubGID} }

// Files maps each of Paths that exists to its content. It contains password
// hashes: store it readable by root only.
type Files map[string][]byte

// Read returns the account database of a root.
func Read(root system.Root) (Files, error) {
	files := Files{}
	for _, path := range Paths() {
		b, err := root.Read(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("cannot read accounts: %w", err)
		default:
			files[path] = b
		}
	}
	return files, nil
}

// PasswdEntry is an account of passwd(5).
type PasswdEntry struct {
	Name     string
	UID, GID int
	Comment  string
	Home     string
	Shell    string
}

// GroupEntry is a group of group(5).
type GroupEntry struct {
	Name    string
	GID     int
	Members []string
}

// Users parses passwd(5). Like the C library, it skips lines that are not entries;
// of several entries with one name, the first counts.
func (f Files) Users() map[string]PasswdEntry {
	users := map[string]PasswdEntry{}
	for _, e := range entries(f[Passwd], 7) {
		uid, err1 := strconv.Atoi(e[2])
		gid, err2 := strconv.Atoi(e[3])
		if _, twice := users[e[0]]; twice || err1 != nil || err2 != nil {
			continue
		}
		users[e[0]] = PasswdEntry{Name: e[0], UID: uid, GID: gid, Comment: e[4], Home: e[5], Shell: e[6]}
	}
	return users
}

// Groups parses group(5) as Users does passwd(5).
func (f Files) Groups() map[string]GroupEntry {
	groups := map[string]GroupEntry{}
	for _, e := range entries(f[Group], 4) {
		gid, err := strconv.Atoi(e[2])
		if _, twice := groups[e[0]]; twice || err != nil {
			continue
		}
		groups[e[0]] = GroupEntry{Name: e[0], GID: gid, Members: list(e[3])}
	}
	return groups
}

// entries are the fields of the lines that are entries of n fields.
func entries(content []byte, n int) [][]string {
	var out [][]string
	for line := range strings.Lines(string(content)) {
		if e := strings.Split(strings.TrimSuffix(line, "\n"), ":"); isEntry(e, n) {
			out = append(out, e)
		}
	}
	return out
}

// isEntry distinguishes entries from comments, damage and NIS's +name and -name.
func isEntry(fields []string, n int) bool {
	return len(fields) == n && fields[0] != "" && !strings.ContainsAny(fields[0][:1], "#+-")
}

// list splits a comma-separated field.
func list(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == ',' })
}
