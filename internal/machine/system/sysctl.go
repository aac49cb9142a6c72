package system

import (
	"path/filepath"
	"strings"
)

// SysctlPath turns a key into its file: dots separate, unless a slash comes
// first, and then the two change roles (sysctl.d(5)).
func SysctlPath(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '.' {
		key = strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	return filepath.Join("/proc/sys", key)
}

// ModuleName is how a kernel calls a module, whatever its file is called:
// modprobe(8) takes - and _ for the same.
func ModuleName(name string) string { return strings.ReplaceAll(name, "-", "_") }
