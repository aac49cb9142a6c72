package stage

import (
	"io/fs"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// nodes are what stands at a path: in the upper layer, on the live root, and in
// the staged one, which is not looked at where the upper layer hides the path.
type nodes struct{ raw, live, staged *node.Node }

// lookAhead reads what the upper layer of a mount holds, on every processor: most
// of comparing is waiting for the kernel to find nodes.
func (b *builder) lookAhead() error {
	var paths []string
	err := filepath.WalkDir(b.layer, func(at string, _ fs.DirEntry, err error) error {
		if err == nil && at != b.layer {
			paths = append(paths, filepath.Join(b.mount.Point, at[len(b.layer):]))
		}
		return err
	})
	if err != nil {
		return err
	}
	found := make([]nodes, len(paths))
	err = system.Share(len(paths), func(i int) (err error) {
		n := &found[i]
		if n.raw, err = node.Lstat(b.upper(paths[i])); err != nil {
			return err
		}
		if n.live, err = node.ReadIn(b.tree, paths[i]); err != nil || whiteout(b.upper(paths[i]), n.raw) {
			return err
		}
		n.staged, err = node.Read(b.view(paths[i]))
		return err
	})
	b.ahead = make(map[string]nodes, len(paths))
	for i, path := range paths {
		b.ahead[path] = found[i]
	}
	return err
}

// liveNode is what stands at a path of the live root.
func (b *builder) liveNode(path string) (*node.Node, error) {
	if n, ok := b.ahead[path]; ok {
		return n.live, nil
	}
	return node.ReadIn(b.tree, path)
}
