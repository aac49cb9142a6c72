package apt

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/hostctl/hostctl/internal/spec"
)

// index is what one input's package lists say.
type index struct {
	packages map[string][]candidate // by name
	provides map[string][]string    // virtual name to who provides it
}

type candidate struct {
	spec.Locked
	essential bool // Essential: yes, or Priority: required
}

func newIndex() *index {
	return &index{packages: map[string][]candidate{}, provides: map[string][]string{}}
}

// find returns the candidate of exactly that version and architecture.
func (x *index) find(name, version, arch string) (spec.Locked, bool) {
	for _, c := range x.packages[name] {
		if c.Version == version && c.Arch == arch {
			return c.Locked, true
		}
	}
	return spec.Locked{}, false
}

// read adds the packages of a Packages file (DebianRepository/Format in Debian's
// wiki). Debian's main has 65,000, so lines are looked at once, without a map.
func (x *index) read(file, input string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read package list: %w", err)
	}
	c := candidate{Locked: spec.Locked{Input: input}}
	var provides []byte
	add := func() {
		if c.Name == "" {
			return
		}
		x.packages[c.Name] = append(x.packages[c.Name], c)
		for _, p := range bytes.Split(provides, []byte(",")) {
			if words := bytes.Fields(p); len(words) > 0 {
				x.provides[string(words[0])] = append(x.provides[string(words[0])], c.Name)
			}
		}
		c, provides = candidate{Locked: spec.Locked{Input: input}}, nil
	}
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		if len(line) == 0 {
			add()
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(": "))
		switch string(field) {
		case "Package":
			c.Name = string(value)
		case "Version":
			c.Version = string(value)
		case "Architecture":
			c.Arch = string(value)
		case "Filename":
			c.Path = string(bytes.TrimPrefix(value, []byte("./")))
		case "SHA256":
			c.SHA256 = string(value)
		case "Size":
			if c.Size, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return fmt.Errorf("cannot read package list of input %q: size of %s: %w", input, c.Name, err)
			}
		case "Essential":
			c.essential = c.essential || string(value) == "yes"
		case "Priority":
			c.essential = c.essential || string(value) == "required"
		case "Provides":
			provides = value
		}
	}
	add()
	return nil
}
