package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Package is one binary package. Depends and the like go into Fields; scripts
// are by their name in the control archive (postinst, triggers, ...).
type Package struct {
	Name      string
	Version   string
	Fields    map[string]string // further control fields
	Files     map[string]string // path to content; a path ending in / is a folder
	Links     map[string]string // path to the path it is a hard link to
	Conffiles []string
	Scripts   map[string]string
	// Capability is a path and what setcap(8) gives it.
	Capability map[string]string
}

// build makes the .deb in the pool.
func (r *Repo) build(p Package) published {
	r.t.Helper()
	root := r.t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		r.t.Fatal(err)
	}
	for file, content := range p.Files {
		if strings.HasSuffix(file, "/") {
			if err := os.MkdirAll(filepath.Join(root, file), 0o755); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		r.write(filepath.Join(root, file), []byte(content))
		if path.Base(path.Dir(file)) == "bin" {
			r.chmod(filepath.Join(root, file), 0o755)
		}
	}
	for link, target := range p.Links {
		if err := os.Link(filepath.Join(root, target), filepath.Join(root, link)); err != nil {
			r.t.Fatal(err)
		}
	}
	control := p.control(r.arch)
	r.write(filepath.Join(root, "DEBIAN/control"), []byte(control))
	if len(p.Conffiles) > 0 {
		r.write(filepath.Join(root, "DEBIAN/conffiles"), []byte(strings.Join(p.Conffiles, "\n")+"\n"))
	}
	for name, text := range p.scripts() {
		r.write(filepath.Join(root, "DEBIAN", name), []byte(text))
		if strings.HasPrefix(text, "#!") {
			r.chmod(filepath.Join(root, "DEBIAN", name), 0o755)
		}
	}
	return r.pack(p, root, control)
}

func (r *Repo) pack(p Package, root, control string) published {
	r.t.Helper()
	file := fmt.Sprintf("pool/main/%c/%s/%s_%s_%s.deb", p.Name[0], p.Name, p.Name, strings.ReplaceAll(p.Version, ":", "%3a"), r.arch)
	full := filepath.Join(r.Dir, file)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Znone", "--build", root, full).CombinedOutput(); err != nil {
		r.t.Fatalf("cannot build %s: %v\n%s", p.Name, err, out)
	}
	data, err := os.ReadFile(full)
	if err != nil {
		r.t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return published{control, file, len(data), hex.EncodeToString(sum[:])}
}

func (r *Repo) chmod(path string, mode os.FileMode) {
	r.t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		r.t.Fatal(err)
	}
}

func (p Package) control(arch string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Test <test@example.org>\n", p.Name, p.Version, arch)
	for _, field := range []string{"Priority", "Essential", "Pre-Depends", "Depends", "Provides", "Conflicts", "Breaks", "Replaces", "Recommends", "Installed-Size"} {
		if value, ok := p.Fields[field]; ok {
			fmt.Fprintf(&b, "%s: %s\n", field, value)
		}
	}
	fmt.Fprintf(&b, "Description: package %s of hostctl's tests\n", p.Name)
	return b.String()
}

// scripts adds to the package's own what gives files their capabilities: a
// .deb cannot carry them, so Debian's packages do it in postinst as well.
func (p Package) scripts() map[string]string {
	scripts := map[string]string{}
	for name, text := range p.Scripts {
		scripts[name] = text
	}
	for file, capability := range p.Capability {
		if scripts["postinst"] == "" {
			scripts["postinst"] = "#!/bin/sh\nset -e\n"
		}
		scripts["postinst"] += fmt.Sprintf("setcap %s %s\n", capability, file)
	}
	return scripts
}
