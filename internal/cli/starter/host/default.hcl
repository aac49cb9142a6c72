# What only @host@ has. 'hostctl explain PATH' tells where a value comes from.

user {
  name   = args.admin
  groups = ["sudo"]
  shell  = "bash"
}
