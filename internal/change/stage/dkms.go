package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const dkms = "/usr/sbin/dkms"

// modulesState is, for each kernel of the stage whose headers are there, what DKMS
// has for it: every module by name and version, and those that are built.
func modulesState(ctx context.Context) (map[string]string, error) {
	headers, err := filepath.Glob("/usr/lib/modules/*/build/include")
	if err != nil {
		return nil, err
	}
	var versions []string
	for _, at := range headers {
		versions = append(versions, filepath.Base(filepath.Dir(filepath.Dir(at))))
	}
	if _, err := os.Stat(dkms); err != nil || len(versions) == 0 {
		return nil, nil
	}
	if _, err := os.Lstat("/etc/dkms/no-autoinstall"); err == nil {
		return nil, nil // Debian 12's 'dkms autoinstall' leaves that to who calls it
	}
	out, err := exec.CommandContext(ctx, dkms, "status").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot ask DKMS which modules it has: %w", err)
	}
	return modulesOf(string(out), versions), nil
}

// modulesOf reads what 'dkms status' prints: lines such as
// "zfs/2.3.9, 6.12.1-amd64, x86_64: installed" and "zfs/2.3.9: added".
func modulesOf(status string, versions []string) map[string]string {
	out := map[string]string{}
	for _, version := range versions {
		var has []string
		for line := range strings.Lines(status) {
			has = append(has, line[:strings.IndexAny(line+":", ",:")])
			if strings.Contains(line, ", "+version+",") {
				has = append(has, strings.TrimSpace(line))
			}
		}
		slices.Sort(has)
		out[version] = strings.Join(slices.Compact(has), "\n")
	}
	return out
}

// buildModules has DKMS build what it has for every kernel of the stage whose
// headers are there. dpkg's order decides what a package finds when it asks for
// that itself: only the newest kernel, or one without headers yet (dkms(8)). What
// no package has changed is left: a module that the machine could not build for an
// old kernel is no reason to refuse an editor.
func buildModules(ctx context.Context, before map[string]string, log io.Writer) error {
	after, err := modulesState(ctx)
	if err != nil {
		return err
	}
	for _, version := range slices.Sorted(maps.Keys(after)) {
		if was, known := before[version]; after[version] == "" || known && was == after[version] {
			continue
		}
		cmd := exec.CommandContext(ctx, dkms, "autoinstall", "--kernelver", version)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil && !excluded(ctx, after[version], version) {
			return withCompiler(fmt.Errorf("cannot build the modules of DKMS for the kernel %s: %w", version, err))
		}
	}
	return nil
}

// excluded reports whether every module that a kernel lacks is one that says
// itself that it is not for that kernel, which is exit code 77 of 'dkms build':
// for Debian 12's 'dkms autoinstall' that is a failure.
func excluded(ctx context.Context, state, version string) bool {
	for _, module := range strings.Split(state, "\n") {
		if strings.ContainsAny(module, ",:") || strings.Contains(state, module+", "+version+",") {
			continue // a module that is built
		}
		var exit *exec.ExitError
		if err := exec.CommandContext(ctx, dkms, "build", module, "-k", version).Run(); !errors.As(err, &exit) || exit.ExitCode() != 77 {
			return false
		}
	}
	return true
}

// withCompiler adds the last words of the compiler to an error: the stage in
// which DKMS keeps them is about to be thrown away.
func withCompiler(err error) error {
	const lines = 20
	logs, _ := filepath.Glob("/var/lib/dkms/*/*/build/make.log") // the pattern is right
	for _, at := range logs {
		text, readErr := os.ReadFile(at)
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		err = fmt.Errorf("%w\nthe end of %s:\n%s", err, at, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return err
}
