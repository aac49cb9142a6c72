package spec

// The library's firewall: library/networking/firewall.hcl.
const (
	FirewallFile  = "/etc/hostctl/firewall.nft" // its rules
	FirewallTable = "inet hostctl"              // the nftables table that they fill
)
