package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// hostsPath is hosts(5): a spec has all of it or none, and on a machine that
// somebody lives on others have lines in it, too.
const hostsPath = "/etc/hosts"

// nameOf is one name of one address in hosts(5).
type nameOf struct{ address, name string }

// namesIn lists what a hosts(5) file says, line by line. Case tells no two names
// apart.
func namesIn(text string) (out []nameOf) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		for _, name := range fields[1:] {
			out = append(out, nameOf{strings.ToLower(fields[0]), strings.ToLower(name)})
		}
	}
	return out
}

// checkHosts refuses to take /etc/hosts over while it has names that the spec
// lacks: programs may rely on them. The name that the machine has until now, and
// the names that the spec had before, are what the spec changes. Bytes of a source
// file are not known here, and whoever names one means the whole.
func checkHosts(want, prev *spec.Host, st *spec.State) error {
	w, wanted := want.Files[hostsPath]
	live, exists := st.Files[hostsPath]
	former, had := prev.Files[hostsPath]
	ours := had && live.Digest == former.Live(hostsPath).Digest // nobody has written into it since
	if ours || !wanted || !exists || w.Type != spec.Regular || w.FromBlob() || live.Digest == w.Digest {
		return nil
	}
	at := want.Origins[spec.ID{Kind: spec.KindFile, Name: hostsPath}].String()
	if live.Content == "" && live.Digest != spec.Sum(nil) {
		return fmt.Errorf("cannot replace %s (%s): what stands there is no plain text that everybody may read, at most 64 KiB long, so that names in it could be lost; "+
			"look at it, and move it away", hostsPath, at)
	}
	has := namesIn(w.Content)
	let := append(namesIn(former.Content), nameOf{"127.0.1.1", strings.ToLower(strings.TrimSpace(st.Files["/etc/hostname"].Content))})
	var addresses []string
	lost := map[string]bool{}
	for _, n := range namesIn(live.Content) {
		if !slices.Contains(has, n) && !slices.Contains(let, n) && !lost[n.address] {
			lost[n.address] = true
			addresses = append(addresses, n.address)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	var keep strings.Builder
	for _, address := range addresses {
		fmt.Fprintf(&keep, "      %q = [%s]\n", address, quotedNames(namesIn(live.Content), has, address))
	}
	return fmt.Errorf("cannot replace %s (%s): it has names that the configuration lacks, and they would be gone. "+
		"Take what nothing needs out of %s, and keep the rest:\n  networking {\n    hosts = {\n%s    }\n  }", hostsPath, at, hostsPath, keep.String())
}

// quotedNames are all names of an address: those of the machine in its order,
// for the first is the canonical one, then what the spec has besides.
func quotedNames(live, has []nameOf, address string) string {
	var out []string
	for _, n := range append(live, has...) {
		if quoted := fmt.Sprintf("%q", n.name); n.address == address && !slices.Contains(out, quoted) {
			out = append(out, quoted)
		}
	}
	return strings.Join(out, ", ")
}
