package spec

// What the library's firewall is: library/networking/firewall.hcl.
const (
	FirewallFile  = "/etc/hostctl/firewall.nft" // its rules
	FirewallTable = "inet hostctl"              // of nftables, which they fill
)
