package cli

import (
	"fmt"
	"time"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/spec"
)

// record writes the generation's record where its transaction will publish
// it, and stores the contents that it names.
func (s *session) record(t *wanted, p *spec.Plan, number int, res *stage.Result) (*generation.Record, error) {
	read := s.blobOf(t.host)
	for _, digest := range t.host.Stored() {
		b, err := read(digest)
		if err != nil {
			return nil, err
		}
		if _, err := s.objects.Put(b); err != nil {
			return nil, err
		}
	}
	for digest, place := range res.Config {
		if err := s.keepConfig(digest, place); err != nil {
			return nil, err
		}
	}
	revision, dirty, err := t.flake.Revision()
	if err != nil {
		return nil, err
	}
	digest, err := t.host.Digest()
	if err != nil {
		return nil, err
	}
	found := res.Found
	found.Sysctls = s.found.NextSysctls(t.host.Sysctls, s.prev.Sysctls, s.seen.LiveSysctls)
	rec := &generation.Record{
		Meta: generation.Meta{
			Number: number, Parent: s.current, Time: time.Now(), Host: t.host.Name, User: invoker(), Command: commandLine(),
			Commit: revision, Dirty: dirty, Hostctl: version(), SpecDigest: digest, LockDigest: p.LockDigest,
			Folders: res.Folders,
		},
		Spec: t.host, Plan: p, Found: found, Lock: t.lock, Changeset: res.Changeset, Accounts: []account.Delta{res.Accounts}, Services: res.Services, Boot: res.Boot,
	}
	return rec, s.store.Write(rec, generation.PendingPath(number))
}

// keepConfig stores the bytes of a config file that the stage saw at a place.
func (s *session) keepConfig(digest string, place node.Place) error {
	b, err := place.Read(s.root)
	if err != nil {
		return fmt.Errorf("cannot keep what is at %s: %w", place.Path, err)
	}
	if spec.Sum(b) != digest {
		return fmt.Errorf("cannot keep what is at %s: it changed while the stage was built; run the command again", place.Path)
	}
	_, err = s.objects.Put(b)
	return err
}
