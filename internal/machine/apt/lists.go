package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// debianKeyring is the file of the package debian-archive-keyring.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// repository is one input on this machine: where its suites are, and a
// workspace that holds their verified lists.
type repository struct {
	Source
	places []place
	workspace
}

// openRepository brings the lists of an input up to date. apt verifies the
// InRelease files with only the input's keyring. It calls tell with the bytes that
// it fetches.
func (c Cache) openRepository(ctx context.Context, arch string, s Source, tell func(bytes int64)) (*repository, error) {
	if len(s.Components) == 0 {
		s.Components = []string{"main"}
	}
	if s.Keyring == "" {
		s.Keyring = debianKeyring
	}
	if _, err := os.Stat(s.Keyring); err != nil {
		return nil, fmt.Errorf("cannot verify input %q: its keyring cannot be read: %w; the Debian archive's is in the package debian-archive-keyring", s.Input, err)
	}
	all, err := places(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &repository{Source: s, places: firstOfEach(all)}
	sources := r.sourcesList(arch)
	if err := alone(filepath.Join(c.Dir, "lists")); err != nil {
		return nil, fmt.Errorf("cannot keep the package lists of input %q: %w; remove that, it is made again", s.Input, err)
	}
	if r.workspace, err = openWorkspace(filepath.Join(c.Dir, "lists", spec.Sum([]byte(arch + "\n" + sources))[:16]), arch); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "sources.list"), []byte(sources), 0o644); err != nil {
		return nil, fmt.Errorf("cannot set up apt: %w", err)
	}
	if err := reach(ctx, r.places); err != nil {
		return nil, fmt.Errorf("cannot update input %q: %w\nevery lock is as it was; check the network, and the mirror in /etc/apt or HOSTCTL_MIRROR", s.Input, err)
	}
	tell(0)
	if out, err := r.runTelling(ctx, &gets{tell: tell}, "update", "-q"); err != nil {
		return nil, r.updateError(out, err)
	}
	return r, r.checkReleases()
}

// alone refuses a folder that root does not fully own: apt reads its configuration
// and verified files from there again.
func alone(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = system.Alone(path)
		}
		return err
	})
}

// firstOfEach keeps the first mirror of every suite.
func firstOfEach(all []place) []place {
	var kept []place
	for _, p := range all {
		if !slices.ContainsFunc(kept, func(k place) bool { return slices.Equal(k.suites, p.suites) }) {
			kept = append(kept, p)
		}
	}
	return kept
}

func (r *repository) sourcesList(arch string) string {
	options := "arch=" + arch + " signed-by=" + r.Keyring
	if r.Snapshot != "" {
		// A snapshot has always expired: checkReleases checks it against its own date.
		options += " check-valid-until=no"
	}
	var b strings.Builder
	for _, p := range r.places {
		for _, suite := range p.suites {
			fmt.Fprintf(&b, "deb [%s] %s %s %s\n", options, p.base, suite, strings.Join(r.Components, " "))
		}
	}
	return b.String()
}

// checkReleases checks the verified Release files: every component that the input
// names must be in its suite, and a snapshot must have been valid on its day.
func (r *repository) checkReleases() error {
	files, err := r.releases()
	if err != nil {
		return err
	}
	for _, data := range files {
		release := stanza{signedText(data)}
		if suite, codename := release.get("Suite"), release.get("Codename"); suite == r.Suite || codename == r.Suite {
			if err := r.checkComponents(strings.Fields(release.get("Components"))); err != nil {
				return err
			}
		}
		if err := r.checkDate(release); err != nil {
			return err
		}
	}
	return nil
}

// releases are the verified Release files. What apt could not verify it does
// not leave under this name.
func (r *repository) releases() ([][]byte, error) {
	names, err := filepath.Glob(filepath.Join(r.dir, "lists", "*Release"))
	if err != nil {
		return nil, err
	}
	var files [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read the Release file of input %q: %w", r.Input, err)
		}
		files = append(files, data)
	}
	return files, nil
}

func (r *repository) checkComponents(present []string) error {
	for _, c := range r.Components {
		if !slices.Contains(present, c) {
			return fmt.Errorf("cannot read component %q of input %q: suite %s has %s", c, r.Input, r.Suite, strings.Join(present, ", "))
		}
	}
	return nil
}

func (r *repository) checkDate(release stanza) error {
	until := release.get("Valid-Until")
	if r.Snapshot == "" || until == "" {
		return nil
	}
	day, err := time.Parse("20060102T150405Z", r.Snapshot)
	if err != nil {
		return fmt.Errorf("cannot read the snapshot %q of input %q: a snapshot is written 20261101T000000Z", r.Snapshot, r.Input)
	}
	end, err := time.Parse("Mon, 2 Jan 2006 15:04:05 MST", until)
	if err != nil {
		return fmt.Errorf("cannot read the Release file of %s in input %q: Valid-Until: %w", release.get("Suite"), r.Input, err)
	}
	if end.Before(day) {
		return fmt.Errorf("cannot use snapshot %s of input %q: the Release file of %s in it was valid until %s, before the snapshot's own date; choose another date",
			r.Snapshot, r.Input, release.get("Suite"), until)
	}
	return nil
}

// signedText is the text of an InRelease file, without its armour (RFC 9580, 7).
func signedText(data []byte) []byte {
	if _, after, ok := bytes.Cut(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")); ok {
		_, after, _ = bytes.Cut(after, []byte("\n\n"))
		data, _, _ = bytes.Cut(after, []byte("\n-----BEGIN PGP SIGNATURE-----"))
	}
	return data
}

// packageLists are the verified Packages files.
func (r *repository) packageLists() ([]string, error) {
	lists, err := filepath.Glob(filepath.Join(r.dir, "lists", "*_Packages"))
	if err == nil && len(lists) == 0 {
		err = fmt.Errorf("cannot read the package lists of input %q: suite %s has none for %s", r.Input, r.Suite, r.arch)
	}
	return lists, err
}

// updateError explains an error of apt-get update in the terms of a flake: the
// input, the suite, the cause, and what to do.
func (r *repository) updateError(out string, err error) error {
	detail := complaints(out)
	if errors.Is(err, context.Canceled) || detail == "" {
		return fmt.Errorf("cannot update input %q: apt-get: %w", r.Input, err)
	}
	if where := r.full(detail); where != "" {
		return fmt.Errorf("cannot update input %q: no room is left %s; free some, then run the same command again\n  %s", r.Input, where, detail)
	}
	cause, remedy := "its mirror cannot be read", "check the mirror in /etc/apt or HOSTCTL_MIRROR, and that this machine reaches it"
	for _, known := range []struct{ sign, cause, remedy string }{
		{"not valid yet", "its Release file is from the future", "set this machine's clock"},
		{"is expired", "its Release file has expired, so the mirror may be hiding newer packages",
			"check this machine's clock, use another mirror (HOSTCTL_MIRROR), or a snapshot (url = \"debian:" + r.Suite + "?snapshot=DATE\")"},
		{"is not signed", "it has no valid signature", ""},
		{"igning key", "it is not signed by a key of its keyring", ""},
		{"Missing key", "it is not signed by a key of its keyring", ""},
		{"NO_PUBKEY", "it is not signed by a key of its keyring", ""},
		{"BADSIG", "its signature is wrong", ""},
		{"does not have a Release file", "its mirror does not have this suite", "check the suite's name in flake.hcl, and the mirror in /etc/apt or HOSTCTL_MIRROR"},
	} {
		if strings.Contains(detail, known.sign) {
			cause, remedy = known.cause, known.remedy
		}
	}
	if remedy == "" {
		remedy = "check the input's keyring (" + r.Keyring + "; Debian's own is in the package debian-archive-keyring, which must be as new as the suite), or use another mirror (HOSTCTL_MIRROR)"
	}
	return fmt.Errorf("cannot verify input %q (%s): %s; %s\n  %s", r.Input, strings.Join(r.suitesIn(detail), ", "), cause, remedy, detail)
}

// full names a full file system, or is "". apt itself reports one only for its
// lists. For a file in the folder for temporary files it says that the signature is
// wrong, and when it ends it has already removed what filled the disk.
func (r *repository) full(detail string) string {
	lists, temp := "for its package lists in "+r.dir, "for apt's temporary files in "+os.TempDir()
	switch {
	case !roomy(r.dir):
		return lists
	case !roomy(os.TempDir()), strings.Contains(detail, "Splitting up"):
		return temp
	case strings.Contains(detail, "No space left on device"):
		return lists + ", or " + temp
	}
	return ""
}

// roomy reports whether a file system has space for a signature and the signed
// text. If it cannot tell, it assumes so.
func roomy(dir string) bool {
	const need = 256 << 10
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) != nil || st.Bavail*uint64(st.Bsize) >= need && (st.Files == 0 || st.Ffree > 0)
}

// suitesIn names the suites that a complaint of apt is about; all if none.
func (r *repository) suitesIn(detail string) []string {
	var named, all []string
	for _, p := range r.places {
		for _, suite := range p.suites {
			all = append(all, suite)
			if strings.Contains(detail, "/dists/"+suite+"/") || strings.Contains(detail, " "+suite+" ") {
				named = append(named, suite)
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}
