package guard

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// firewall is which TCP ports a set of rules leaves open; nil lets all through.
type firewall struct{ open []opening }

type opening struct {
	via   string // an interface; "" is any
	ports [][2]uint64
}

// readFirewall reads rules as the library writes them. A line of another form
// opens nothing.
func readFirewall(rules []byte) *firewall {
	if !strings.Contains(string(rules), "hook input") || !strings.Contains(string(rules), "policy drop") {
		return nil
	}
	openRule := regexp.MustCompile(`^(?:iifname "([^"]*)" )?tcp dport \{? ?([0-9, -]+?) ?\}? accept$`)
	f := &firewall{}
	for line := range strings.Lines(string(rules)) {
		m := openRule.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		o := opening{via: m[1]}
		for p := range strings.SplitSeq(m[2], ",") {
			from, to, isRange := strings.Cut(strings.TrimSpace(p), "-")
			if !isRange {
				to = from
			}
			first, err := strconv.ParseUint(from, 10, 16)
			last, err2 := strconv.ParseUint(to, 10, 16)
			if err == nil && err2 == nil {
				o.ports = append(o.ports, [2]uint64{first, last})
			}
		}
		f.open = append(f.open, o)
	}
	return f
}

// lets says whether a port can be reached through one of the interfaces.
func (f *firewall) lets(port uint16, interfaces []string) bool {
	return f == nil || slices.ContainsFunc(f.open, func(o opening) bool {
		return (o.via == "" || slices.Contains(interfaces, o.via)) &&
			slices.ContainsFunc(o.ports, func(r [2]uint64) bool { return r[0] <= uint64(port) && uint64(port) <= r[1] })
	})
}

// shuts says whether one firewall lets through what comes to an address from
// elsewhere, and the next does not.
func shuts(before, after *firewall, at netip.AddrPort) (bool, error) {
	interfaces, err := interfacesOf(at.Addr())
	return len(interfaces) > 0 && before.lets(at.Port(), interfaces) && !after.lets(at.Port(), interfaces), err
}

// interfacesOf are the names of the interfaces with an address, or of all if that
// is none in particular. The loopback is not among them: a firewall lets it through.
func interfacesOf(at netip.Addr) ([]string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		has := slices.ContainsFunc(addresses, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && prefix.Addr().Unmap() == at.WithZone("").Unmap()
		})
		if has || at.IsUnspecified() {
			out = append(out, i.Name)
		}
	}
	return out, nil
}
