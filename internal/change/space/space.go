// Package space refuses what does not fit on a machine before anything is written
// there, and says what takes room and can go.
package space

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// room is what a stage needs on each file system, by mount point, beside what
// is there: the former generation stays until it is collected.
type room map[string]*amount

type amount struct{ bytes, inodes int64 }

const (
	block = 4096 // what a small file takes
	// What is spare is for what packages make without listing it: databases of dpkg and
	// debconf, caches, the journal and its ballast.
	spareBytes, spareInodes = 128 << 20, 500
)

// Space is the room of a machine, and of the cache that it uses.
type Space struct {
	Root  string
	Cache string
}

func (r room) add(point string, bytes, inodes int64) {
	if r[point] == nil {
		r[point] = &amount{}
	}
	r[point].bytes += bytes
	r[point].inodes += inodes
}

// Download refuses to fetch what does not fit into the cache.
func (s Space) Download(need []spec.Locked, cache apt.Cache) error {
	var missing int64
	for _, l := range cache.Missing(need) {
		missing += l.Size
	}
	return s.fits("cannot fetch "+spec.Count(len(need), "package", "packages"), map[string]string{cache.Dir: cache.Dir}, room{cache.Dir: {bytes: missing, inodes: int64(len(need))}})
}

// Copies refuses what does not fit beside the root, from where a stage
// takes its packages.
func (s Space) Copies(need []spec.Locked) error {
	var bytes int64
	for _, l := range need {
		bytes += l.Size
	}
	return s.fits(fmt.Sprintf("cannot copy %s out of the cache", spec.Count(len(need), "package", "packages")), map[string]string{"/": s.Root}, room{"/": {bytes: bytes, inodes: int64(len(need))}})
}

// Stage refuses a plan whose stage does not fit, before anything is
// written: the installed size of its packages and the size of its files, each
// on the file system on which it will be.
func (s Space) Stage(ctx context.Context, want *spec.Host, lock []spec.Locked, p *spec.Plan) error {
	points, err := stage.Points(s.Root)
	if err != nil {
		return err
	}
	need := room{}
	if err := s.packageRoom(ctx, lock, p, points, need); err != nil {
		return err
	}
	for _, c := range p.Of(spec.KindFile) {
		f, ok := want.Files[c.ID.Name]
		if !ok || c.Action == spec.Delete {
			continue
		}
		size := int64(len(f.Content))
		if path, ok := want.Blobs[f.Digest]; ok {
			if fi, err := os.Stat(path); err == nil {
				size = fi.Size()
			}
		}
		need.add(PointOf(points, c.ID.Name), size+block, 1)
	}
	where := map[string]string{}
	for _, point := range points {
		where[point] = filepath.Join(s.Root, point)
	}
	return s.fits("cannot stage this", where, need)
}

// packageRoom adds what the packages take. One whose files lie on several
// file systems, or that does not list them, is looked into for which file is
// how large.
func (s Space) packageRoom(ctx context.Context, locked []spec.Locked, p *spec.Plan, points []string, need room) error {
	debs := stage.Debs(s.Root, p, locked)
	if len(debs) == 0 {
		return nil
	}
	need.add(PointOf(points, "/var/lib/dpkg"), spareBytes, spareInodes)
	var lock sync.Mutex
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for _, deb := range debs {
		g.Go(func() error {
			size, err := apt.ReadSize(ctx, deb)
			if err != nil {
				return err
			}
			here := map[string]bool{}
			for _, path := range size.Paths {
				here[PointOf(points, path)] = true
			}
			var files map[string]int64
			if len(here) > 1 || len(here) == 0 && len(points) > 1 {
				if files, err = apt.Contents(ctx, deb); err != nil {
					return err
				}
			}
			lock.Lock()
			defer lock.Unlock()
			if files == nil {
				// Folders and links are not among the paths: half as many again.
				need.add(PointOf(points, append(size.Paths, "/usr")[0]), size.Bytes, int64(len(size.Paths))*3/2)
			}
			for path, bytes := range files {
				need.add(PointOf(points, path), (bytes+block-1)/block*block, 1)
			}
			return nil
		})
	}
	return g.Wait()
}

// PointOf finds the mount point that a path is below.
func PointOf(points []string, path string) string {
	best := "/"
	for _, p := range points {
		if len(p) > len(best) && (path == p || strings.HasPrefix(path, p+"/")) {
			best = p
		}
	}
	return best
}

// fits holds needs against what is free, all of them, and says what could be
// freed where it is not enough.
func (s Space) fits(what string, where map[string]string, need room) error {
	var errs []error
	for _, point := range slices.Sorted(maps.Keys(need)) {
		if err := node.Space(point, where[point], need[point].bytes, need[point].inodes); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return s.Hints(fmt.Errorf("%s, nothing on this machine was changed: %w", what, errors.Join(errs...)))
}

// Hints adds to an error about a full file system what takes room on it
// and can go.
func (s Space) Hints(err error) error {
	var space *node.SpaceError
	if !errors.As(err, &space) {
		return err
	}
	at := filepath.Join(s.Root, space.Point)
	var hints []string
	for _, h := range []struct{ path, how string }{
		{filepath.Join(s.Root, "var/cache/apt/archives"), "apt-get clean"},
		{filepath.Join(s.Cache, "debs"), "rm -r " + filepath.Join(s.Cache, "debs")},
		{filepath.Join(s.Root, "var/log/journal"), "journalctl --vacuum-size=100M"},
		{filepath.Join(at, node.AreaName, "gen"), "hostctl gc"},
		{filepath.Join(at, node.AreaName, "aside"), "edits that were kept aside, look at them and remove them"},
	} {
		if size := sizeOn(h.path, at); size >= 1<<20 {
			hints = append(hints, fmt.Sprintf("  %s in %s: %s", node.Bytes(size), h.path, h.how))
		}
	}
	if len(hints) == 0 {
		return err
	}
	slices.Sort(hints)
	return fmt.Errorf("%w\nwhat takes room there and can go:\n%s", err, strings.Join(hints, "\n"))
}

// sizeOn is what the files below a folder take, where it lies on the file
// system of another path.
func sizeOn(folder, other string) int64 {
	var a, b unix.Stat_t
	if unix.Stat(folder, &a) != nil || unix.Stat(other, &b) != nil || a.Dev != b.Dev {
		return 0
	}
	var total int64
	// What cannot be read is not offered: the sum is a hint.
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(path, &st) == nil {
			total += st.Blocks * 512
		}
		return nil
	})
	return total
}
