package inventory

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Tables asks the kernel for the tables of nftables, as "inet filter", by
// netlink: nft(8) may not be there. It is nil where the kernel does not tell.
func Tables() (map[string]bool, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EAFNOSUPPORT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot ask for tables of nftables: %w", err)
	}
	defer unix.Close(fd)
	// nlmsghdr and nfgenmsg (linux/netlink.h, linux/netfilter/nfnetlink.h), with
	// AF_UNSPEC for the tables of every family.
	ask := make([]byte, unix.NLMSG_HDRLEN+4)
	binary.NativeEndian.PutUint32(ask, uint32(len(ask)))
	binary.NativeEndian.PutUint16(ask[4:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETTABLE)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	err = unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err != nil {
		return nil, fmt.Errorf("cannot ask for tables of nftables: %w", err)
	}
	out, b := map[string]bool{}, make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil {
			return nil, fmt.Errorf("cannot read tables of nftables: %w", err)
		}
		done, err := addTables(out, b[:n])
		switch {
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
			return nil, nil // of another than root, or a kernel without nf_tables
		case err != nil:
			return nil, fmt.Errorf("cannot read tables of nftables: %w", err)
		case done:
			return out, nil
		}
	}
}

// FirewallRules lists a table of nftables, one line for each rule, chain and
// policy: as a file for nft(8) defines it, and as the kernel has it. For the first,
// it loads the file into a temporary network namespace, where the same kernel and
// the same nft print the rules.
func FirewallRules(ctx context.Context, file, table string) (meant, now []string, err error) {
	list := "list table " + table
	if now, err = nftLines(ctx, "nft", list); err != nil {
		return nil, nil, err
	}
	meant, err = nftLines(ctx, "unshare", "--net", "sh", "-c", `nft --file "$0" && nft "$1"`, file, list)
	return meant, now, err
}

func nftLines(ctx context.Context, name string, args ...string) ([]string, error) {
	var said bytes.Buffer
	cmd := system.Root("/").Command(ctx, name, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot read the firewall's rules: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines, nil
}

// addTables reads the tables in one answer; done says that it was the last.
func addTables(out map[string]bool, b []byte) (done bool, err error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return false, errors.New("the kernel's answer is cut off")
		}
		body := b[unix.NLMSG_HDRLEN:size]
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			if len(body) >= 4 {
				return true, unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
			}
		case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE:
			if name := tableName(body); name != "" {
				out[name] = true
			}
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false, nil
}

// tableName reads an nfgenmsg and its attributes.
func tableName(body []byte) string {
	if len(body) < 4 {
		return ""
	}
	family, known := map[byte]string{
		unix.NFPROTO_INET: "inet", unix.NFPROTO_IPV4: "ip", unix.NFPROTO_IPV6: "ip6",
		unix.NFPROTO_ARP: "arp", unix.NFPROTO_BRIDGE: "bridge", unix.NFPROTO_NETDEV: "netdev",
	}[body[0]]
	if !known {
		family = fmt.Sprintf("family%d", body[0])
	}
	for attrs := body[4:]; len(attrs) >= 4; {
		size, kind := int(binary.NativeEndian.Uint16(attrs)), binary.NativeEndian.Uint16(attrs[2:])
		if size < 4 || size > len(attrs) {
			return ""
		}
		if kind&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER) == unix.NFTA_TABLE_NAME {
			return family + " " + unix.ByteSliceToString(attrs[4:size])
		}
		attrs = attrs[min(len(attrs), (size+3)&^3):]
	}
	return ""
}
