package apt

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strconv"
	"strings"
)

// Size is the space that an installed package takes.
type Size struct {
	Bytes int64    // its Installed-Size
	Paths []string // absolute, without conffiles, folders and links (md5sums of deb(5))
}

// ReadSize reads the control archive of a .deb, without unpacking its contents.
func ReadSize(ctx context.Context, deb string) (Size, error) {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--ctrl-tarfile", deb)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return Size{}, fmt.Errorf("cannot read the size of %s: %w: %s", deb, err, said.Bytes())
	}
	var s Size
	for control := tar.NewReader(&out); ; {
		h, err := control.Next()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return Size{}, fmt.Errorf("cannot read the size of %s: %w", deb, err)
		}
		name := path.Clean(h.Name)
		if name != "control" && name != "md5sums" {
			continue
		}
		b, err := io.ReadAll(control)
		if err != nil {
			return Size{}, fmt.Errorf("cannot read the size of %s: %w", deb, err)
		}
		if name == "control" {
			s.Bytes = installedSize(string(b))
		} else {
			s.Paths = summed(string(b))
		}
	}
}

// installedSize is in KiB there (deb-control(5)); 0 where the field is missing.
func installedSize(control string) int64 {
	for line := range strings.Lines(control) {
		if value, ok := strings.CutPrefix(line, "Installed-Size:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err == nil && n > 0 {
				return n << 10
			}
		}
	}
	return 0
}

func summed(md5sums string) []string {
	var out []string
	for line := range strings.Lines(md5sums) {
		if _, file, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			out = append(out, path.Join("/", file))
		}
	}
	return out
}

// Contents lists the files of a .deb with their sizes, which unpacks it.
func Contents(ctx context.Context, deb string) (map[string]int64, error) {
	files := map[string]int64{}
	return files, EachFile(ctx, deb, func(h *tar.Header, _ io.Reader) error {
		files[path.Join("/", h.Name)] = h.Size
		return nil
	})
}

// EachFile unpacks a .deb and hands over each of its entries. dpkg-deb reads every
// compression that dpkg installs.
func EachFile(ctx context.Context, deb string, do func(h *tar.Header, content io.Reader) error) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	data := tar.NewReader(out)
	for err == nil {
		var h *tar.Header
		if h, err = data.Next(); err == nil {
			err = do(h, data)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	_, drained := io.Copy(io.Discard, out) // the padding, or what is left: dpkg-deb ends then
	if err := errors.Join(err, drained, cmd.Wait()); err != nil {
		return fmt.Errorf("cannot read the contents of %s: %w", deb, err)
	}
	return nil
}
