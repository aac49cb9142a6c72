# Small clients of the command line.
home {
  name     = args.user
  packages = ["make", "yq"]
}
