package inventory

import (
	"encoding/binary"
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// message is one of nftables' to the kernel: nlmsghdr, nfgenmsg and one attribute.
func message(kind, flags uint16, family byte, name string) []byte {
	body := []byte{family, unix.NFNETLINK_V0, 0, 0}
	if kind == unix.NFNL_MSG_BATCH_BEGIN || kind == unix.NFNL_MSG_BATCH_END {
		body[3] = unix.NFNL_SUBSYS_NFTABLES // big endian
	}
	if name != "" {
		attr := binary.NativeEndian.AppendUint16(nil, uint16(4+len(name)+1))
		attr = append(append(binary.NativeEndian.AppendUint16(attr, unix.NFTA_TABLE_NAME), name...), 0)
		for len(attr)%4 != 0 {
			attr = append(attr, 0)
		}
		body = append(body, attr...)
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	return append(append(b, make([]byte, 8)...), body...)
}

// TestTables makes tables in a network of the test's own.
func TestTables(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network of its own needs root")
	}
	runtime.LockOSThread() // for good: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network of its own: %v", err)
	}
	tables, err := Tables()
	if err != nil {
		t.Fatal(err)
	}
	if tables == nil {
		t.Skip("this kernel has no nf_tables")
	}
	if len(tables) > 0 {
		t.Errorf("a new network has %v", tables)
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	const create = unix.NLM_F_REQUEST | unix.NLM_F_CREATE
	batch := slices.Concat(
		message(unix.NFNL_MSG_BATCH_BEGIN, unix.NLM_F_REQUEST, 0, ""),
		message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWTABLE, create, unix.NFPROTO_INET, "hostctl"),
		message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWTABLE, create, unix.NFPROTO_IPV4, "evil"),
		message(unix.NFNL_MSG_BATCH_END, unix.NLM_F_REQUEST, 0, ""),
	)
	if err := unix.Sendto(fd, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	tables, err = Tables()
	if got := slices.Sorted(maps.Keys(tables)); err != nil || !slices.Equal(got, []string{"inet hostctl", "ip evil"}) {
		t.Errorf("the tables are %q (%v)", got, err)
	}
}
