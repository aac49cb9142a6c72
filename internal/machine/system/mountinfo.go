package system

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"
)

// Mount is a line of proc_pid_mountinfo(5).
type Mount struct {
	Root    string // what of the file system is mounted: "/" is all of it
	Point   string
	Options string // of the mount
	Type    string
	Source  string
	Super   string // options of the file system
}

// ReadOnly says that nothing can be written through this mount, whatever others of
// the file system allow.
func (m Mount) ReadOnly() bool { return slices.Contains(strings.Split(m.Options, ","), "ro") }

// Mounts are those that this process sees, in the kernel's order: of several at
// one point, the last covers the others.
func Mounts() ([]Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var out []Mount
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m, ok := parseMount(lines.Text()); ok {
			out = append(out, m)
		}
	}
	return out, errors.Join(lines.Err(), f.Close())
}

// parseMount reads a line. Blanks in it are octal escapes.
func parseMount(line string) (Mount, bool) {
	left, right, found := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if !found || len(l) < 6 || len(r) < 3 {
		return Mount{}, false
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
	return Mount{Root: unescape(l[3]), Point: unescape(l[4]), Options: l[5], Type: r[0], Source: unescape(r[1]), Super: unescape(r[2])}, true
}
