package kind

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// sysctlFile holds all kernel parameters of the spec (sysctl.d(5)); it is
// hostctl's alone.
const sysctlFile = "/etc/sysctl.d/60-hostctl.conf"

const ownFileHeader = "# Written by hostctl from the host's configuration; edits are undone by the next switch.\n"

func observeSysctls(root system.Root, names account.Names) (_ map[string]string, altered string, err error) {
	out := map[string]string{}
	lines, altered, err := ownFileLines(root, names, sysctlFile)
	for _, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		out[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return out, altered, err
}

// liveSysctls reads what the running kernel has of keys. Those that this
// machine does not have or cannot set (a container's) are left out. Of a pattern
// it is every value that what it matches has.
func liveSysctls(root system.Root, keys []string) map[string]string {
	out := map[string]string{}
	if root != "/" {
		return out
	}
	named := map[string]bool{}
	for _, key := range keys {
		named[key] = true
	}
	own := system.NamedSysctls(named)
	for _, key := range keys {
		var values []string
		for _, path := range system.SysctlPaths(key, own) {
			if unix.Access(path, unix.W_OK) != nil {
				continue
			}
			if b, err := os.ReadFile(path); err == nil {
				values = append(values, strings.Join(strings.Fields(string(b)), " "))
			}
		}
		slices.Sort(values)
		if values = slices.Compact(values); len(values) > 0 {
			out[key] = strings.Join(values, ", ")
		}
	}
	return out
}

func (s *stage) sysctls(context.Context) error {
	var lines []string
	for _, key := range keys(s.Want.Sysctls) {
		value := s.Want.Sysctls[key]
		if strings.ContainsAny(key+value, "\n") {
			return fmt.Errorf("cannot set sysctl %q%s: a newline in it would set others", key, s.origin(spec.KindSysctl, key))
		}
		lines = append(lines, key+" = "+value)
	}
	return s.ownFile(sysctlFile, lines)
}

// ownFileLines are the lines of one of hostctl's own files, without comments, and
// its mode, owner and group if they differ from what hostctl writes.
func ownFileLines(root system.Root, names account.Names, path string) (lines []string, altered string, err error) {
	b, as, err := readPlain(root, names, path)
	if absent(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("cannot observe %s: %w", path, err)
	}
	if as != spec.PlainFile {
		altered = as
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.ContainsAny(line[:1], "#;") {
			lines = append(lines, line)
		}
	}
	return lines, altered, nil
}

// ownFile writes one of hostctl's own files, or removes it if it is empty.
func (s *stage) ownFile(path string, lines []string) error {
	if len(lines) == 0 {
		return s.remove(path)
	}
	content := ownFileHeader + strings.Join(lines, "\n") + "\n"
	return s.plainFile(path, content)
}
