package apt

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

const lockHeader = "# hostctl packages.lock 1"

const lockRemedy = "restore the file from git, or run 'hostctl update' to write it anew"

// FormatLock is the content of packages.lock: the header, then one line per
// package, sorted: name version arch sha256 size input path.
func FormatLock(locked []spec.Locked) []byte {
	sorted := slices.Clone(locked)
	slices.SortFunc(sorted, func(a, b spec.Locked) int { return strings.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	fmt.Fprintln(&out, lockHeader)
	for _, l := range sorted {
		fmt.Fprintln(&out, l.Name, l.Version, l.Arch, l.SHA256, l.Size, l.Input, l.Path)
	}
	return out.Bytes()
}

// ParseLock reads what FormatLock wrote, and refuses everything else: a lock
// decides what is installed as root, so a line that was edited by hand or by a
// bad merge must not be guessed at.
func ParseLock(data []byte) ([]spec.Locked, error) {
	text, ok := strings.CutSuffix(string(data), "\n")
	lines := strings.Split(text, "\n")
	if lines[0] != lockHeader {
		return nil, fmt.Errorf("cannot read packages.lock: line 1 is %q, not %q; %s", lines[0], lockHeader, lockRemedy)
	}
	if !ok {
		return nil, fmt.Errorf("cannot read packages.lock: line %d has no line end, the file may be cut off; %s", len(lines), lockRemedy)
	}
	var locked []spec.Locked
	form := newLockForm()
	for i, line := range lines[1:] {
		l, err := form.parse(line)
		if err == nil && len(locked) > 0 {
			err = checkLockOrder(locked[len(locked)-1].Name, l.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read packages.lock: line %d: %w; %s", i+2, err, lockRemedy)
		}
		locked = append(locked, l)
	}
	return locked, nil
}

func checkLockOrder(before, name string) error {
	switch strings.Compare(before, name) {
	case 0:
		return fmt.Errorf("package %s is there twice", name)
	case 1:
		return fmt.Errorf("package %s stands after %s: not sorted", name, before)
	}
	return nil
}

// lockForm is a line of the lock. Names and versions are those of Debian Policy
// 5.6.1 and 5.6.12; a path stays below the mirror's root.
type lockForm struct{ columns []lockColumn }

type lockColumn struct {
	name string
	form *regexp.Regexp
}

func newLockForm() lockForm {
	return lockForm{[]lockColumn{
		{"name", regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)},
		{"version", regexp.MustCompile(`^([0-9]+:)?[0-9][0-9A-Za-z.+~:-]*$`)},
		{"architecture", regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)},
		{"sha256", regexp.MustCompile(`^[0-9a-f]{64}$`)},
		{"size", regexp.MustCompile(`^[1-9][0-9]{0,14}$`)},
		{"input", regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)},
		{"path", regexp.MustCompile(`^[A-Za-z0-9+.~_:%-]+(/[A-Za-z0-9+.~_:%-]+)*\.deb$`)},
	}}
}

func (f lockForm) parse(line string) (spec.Locked, error) {
	fields := strings.Split(line, " ")
	if len(fields) != len(f.columns) {
		return spec.Locked{}, fmt.Errorf("it has %d columns, not %d (name version arch sha256 size input path)", len(fields), len(f.columns))
	}
	for i, c := range f.columns {
		if !c.form.MatchString(fields[i]) {
			return spec.Locked{}, fmt.Errorf("%q is not a valid %s", fields[i], c.name)
		}
	}
	if slices.Contains(strings.Split(fields[6], "/"), "..") {
		return spec.Locked{}, fmt.Errorf("path %q leaves the mirror", fields[6])
	}
	size, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return spec.Locked{}, err
	}
	return spec.Locked{
		Name: fields[0], Version: fields[1], Arch: fields[2], SHA256: fields[3],
		Size: size, Input: fields[5], Path: fields[6],
	}, nil
}
