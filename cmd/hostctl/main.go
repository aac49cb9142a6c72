// Command hostctl makes a Debian machine what a flake of HCL says it is.
package main

import (
	"os"

	"github.com/hostctl/hostctl/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
