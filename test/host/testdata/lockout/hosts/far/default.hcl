packages = ["openssh-server", "nftables"]
