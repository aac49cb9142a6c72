# What 'hostctl' makes of the hosts of this repository. Look at a change with
# 'hostctl plan', make it with 'sudo hostctl switch', undo it with
# 'sudo hostctl rollback'.

description = "My hosts"

# Where packages come from. 'hostctl update' locks what is current.
input "debian" {
  url = "debian:@suite@"
}

# What modules get as args.NAME.
args {
  admin = "admin"
}

# Every host has these.
modules = ["./modules/shell.hcl"]

host "@host@" {
  system  = "@system@"
  modules = ["./hosts/@host@"]
}
