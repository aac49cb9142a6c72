// Command hostctl makes a Debian machine what a flake of HCL says it is.
package main

import (
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/cli"
)

func main() {
	switch name := filepath.Base(os.Args[0]); {
	case name == engine.InitName:
		os.Exit(engine.Init(os.Args))
	case engine.IsTool(name):
		os.Exit(engine.Tool(os.Args))
	}
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
