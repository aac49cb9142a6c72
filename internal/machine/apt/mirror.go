package apt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// place is where suites are found: a base URL, below which dists and pool are.
type place struct {
	base   string
	suites []string
}

// places says where this machine gets the suites of an input: the release and its
// updates on each mirror, and its security updates. hostctl resolves from the first
// place of a suite, and fetches packages from any.
func places(ctx context.Context, s Source) ([]place, error) {
	release := place{suites: []string{s.Suite}}
	security := place{suites: []string{s.Suite + "-security"}}
	if rolling(s.Suite) {
		security.suites = nil
	} else {
		release.suites = append(release.suites, s.Suite+"-updates")
	}
	if s.Snapshot != "" {
		base := strings.TrimRight(os.Getenv("HOSTCTL_SNAPSHOT"), "/")
		if base == "" {
			return nil, fmt.Errorf("cannot find the snapshot %s of input %q: HOSTCTL_SNAPSHOT is not set; set it to the URL below which debian/%s and debian-security/%s are",
				s.Snapshot, s.Input, s.Snapshot, s.Snapshot)
		}
		release.base = base + "/debian/" + s.Snapshot
		security.base = base + "/debian-security/" + s.Snapshot
		return withSuites(release, security), nil
	}
	if mirror := strings.TrimRight(os.Getenv("HOSTCTL_MIRROR"), "/"); mirror != "" {
		release.base = mirror
		if len(security.suites) > 0 && siblingSecurity(ctx, mirror, security.suites[0]) {
			security.base = mirror + "-security"
			return []place{release, security}, nil
		}
		return []place{release}, nil
	}
	return machinePlaces(ctx, s, release, security)
}

// Lines returns what s means on this machine in the form of sources.list(5),
// for programs other than hostctl's own apt: one line for each suite.
func Lines(ctx context.Context, s Source) ([]string, error) {
	all, err := places(ctx, s)
	if err != nil {
		return nil, err
	}
	var lines []string
	seen := map[string]bool{}
	for _, p := range all {
		for _, suite := range p.suites {
			if !seen[suite] {
				lines = append(lines, fmt.Sprintf("deb %s %s %s", p.base, suite, strings.Join(s.Components, " ")))
			}
			seen[suite] = true
		}
	}
	return lines, nil
}

// rolling reports whether a suite has no -updates and -security: suites that are
// never released, and those that are additions themselves.
func rolling(suite string) bool {
	return slices.Contains([]string{"sid", "unstable", "experimental", "rc-buggy"}, suite) || strings.Contains(suite, "-")
}

func withSuites(all ...place) []place {
	return slices.DeleteFunc(all, func(p place) bool { return len(p.suites) == 0 })
}

func machinePlaces(ctx context.Context, s Source, release, security place) ([]place, error) {
	entries, err := machineSources("/etc/apt")
	if err != nil {
		return nil, err
	}
	mirrors, securityMirrors, err := debianMirrors(entries)
	if err != nil {
		return nil, err
	}
	if len(mirrors) == 0 {
		return nil, fmt.Errorf("cannot find a Debian mirror for input %q: no source in /etc/apt names a Debian suite; add one, or set HOSTCTL_MIRROR", s.Input)
	}
	var found []place
	for _, base := range mirrors {
		found = append(found, place{base, release.suites})
	}
	if len(security.suites) == 0 {
		return found, nil
	}
	if len(securityMirrors) == 0 && siblingSecurity(ctx, mirrors[0], security.suites[0]) {
		securityMirrors = []string{mirrors[0] + "-security"}
	}
	if len(securityMirrors) == 0 {
		return nil, fmt.Errorf("cannot find the security updates of input %q (%s): no source in /etc/apt names a -security suite; add one, or set HOSTCTL_MIRROR to a mirror without them",
			s.Input, security.suites[0])
	}
	for _, base := range securityMirrors {
		found = append(found, place{base, security.suites})
	}
	return found, nil
}

// debianMirrors picks Debian's own archives out of a machine's sources: those
// of a Debian suite that are not signed by somebody else's key.
func debianMirrors(entries []entry) (mirrors, security []string, err error) {
	for _, e := range entries {
		if e.signedBy != "" && !strings.HasPrefix(filepath.Base(e.signedBy), "debian-archive-") {
			continue
		}
		uris, err := mirrorLists(e.uris)
		if err != nil {
			return nil, nil, err
		}
		for _, suite := range e.suites {
			codename, addition, _ := strings.Cut(suite, "-")
			switch {
			case !debianSuite(codename):
			case addition == "security" || strings.HasPrefix(addition, "security/"):
				security = append(security, uris...)
			default:
				mirrors = append(mirrors, uris...)
			}
		}
	}
	return unique(mirrors), unique(security), nil
}

// debianSuite knows Debian's releases by name, to distinguish them from a vendor's
// own suites (cloud-sdk-bookworm). A release that is missing here is still found,
// on a mirror that the machine uses for another one.
func debianSuite(name string) bool {
	return slices.Contains([]string{
		"oldoldstable", "oldstable", "stable", "testing", "unstable", "experimental",
		"buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	}, name)
}

// mirrorLists replaces apt's mirror+file: URIs by the list that they name
// (apt-transport-mirror(1)).
func mirrorLists(uris []string) ([]string, error) {
	var out []string
	for _, uri := range uris {
		file, ok := strings.CutPrefix(uri, "mirror+file:")
		if !ok {
			out = append(out, strings.TrimRight(uri, "/"))
			continue
		}
		data, err := os.ReadFile(path.Clean(file))
		if err != nil {
			return nil, fmt.Errorf("cannot read the mirror list %s: %w", uri, err)
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			if words := strings.Fields(line); len(words) > 0 {
				out = append(out, strings.TrimRight(words[0], "/"))
			}
		}
	}
	return slices.DeleteFunc(out, func(uri string) bool {
		scheme, _, _ := strings.Cut(uri, ":")
		return !slices.Contains([]string{"http", "https", "file"}, scheme)
	}), nil
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// siblingSecurity reports whether mirror-security, where mirrors of Debian
// keep the security archive, has the suite.
func siblingSecurity(ctx context.Context, mirror, suite string) bool {
	url := mirror + "-security/dists/" + suite + "/InRelease"
	if file, ok := filePath(url); ok {
		_, err := os.Stat(file)
		return err == nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return false
	}
	resp, err := client().Do(req)
	return err == nil && errors.Join(resp.Body.Close()) == nil && resp.StatusCode == http.StatusOK
}

// filePath is the path of a file: URL.
func filePath(url string) (string, bool) {
	rest, ok := strings.CutPrefix(url, "file:")
	if !ok {
		return "", false
	}
	return path.Clean("/" + strings.TrimLeft(rest, "/")), true
}
