package system

import (
	"path/filepath"
	"slices"
	"strings"
)

// SysctlPath turns a key into its file: dots separate, unless a slash comes
// first, and then the two change roles (sysctl.d(5)). A leading - is not part of
// the name; see SysctlMayFail.
func SysctlPath(key string) string {
	key = strings.TrimPrefix(key, "-")
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '.' {
		key = strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	return filepath.Join("/proc/sys", key)
}

// SysctlPaths are the files that a key names: one, or the present ones that its
// pattern matches, less those that own says have a key of their own.
func SysctlPaths(key string, own map[string]bool) []string {
	path := SysctlPath(key)
	if !SysctlPattern(key) {
		return []string{path}
	}
	found, err := filepath.Glob(path)
	if err != nil { // no pattern is what it looks like
		return nil
	}
	return slices.DeleteFunc(found, func(p string) bool { return own[p] })
}

// SysctlPattern reports whether a key stands for several (glob(7)).
func SysctlPattern(key string) bool { return strings.ContainsAny(key, "*?[") }

// SysctlMayFail reports whether it is acceptable that a key cannot be set.
func SysctlMayFail(key string) bool { return strings.HasPrefix(key, "-") }

// NamedSysctls are the files of the keys that are not patterns. Patterns do not
// apply to them (sysctl.d(5)).
func NamedSysctls[V any](keys map[string]V) map[string]bool {
	out := map[string]bool{}
	for key := range keys {
		if !SysctlPattern(key) {
			out[SysctlPath(key)] = true
		}
	}
	return out
}

// ModuleName is how a kernel calls a module, whatever its file is called:
// modprobe(8) takes - and _ for the same.
func ModuleName(name string) string { return strings.ReplaceAll(name, "-", "_") }
