// Command hostctl makes a Debian machine what a flake of HCL says it is.
package main

import (
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/cli"
)

func main() {
	if filepath.Base(os.Args[0]) == cli.InitName {
		os.Exit(cli.Init(os.Args))
	}
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
